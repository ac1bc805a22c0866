//! What may change while the service runs: samplers and custom tags, for each direction. Everything
//! else stays as it was built.

use super::Tracer;
use crate::{
    direction::Direction,
    sample::Sampler,
    tags::{CustomTags, Tag, TagError},
};

/// What the builder's methods have set for one direction, which no configuration can change.
#[cfg(feature = "config")]
#[derive(Default)]
pub(crate) struct SetInCode {
    pub(super) sampler: bool,
    pub(super) tags: Vec<Tag>,
}

impl Tracer {
    /// Replaces the sampler for the requests from now on. Clones of the tracer and the layers made
    /// from it change with it.
    pub fn set_sampler(&self, sampler: Sampler) {
        for direction in Direction::BOTH {
            self.set_sampler_for(direction, sampler.clone());
        }
    }

    /// Replaces the sampler for the traces that begin in this direction.
    pub fn set_sampler_for(&self, direction: Direction, sampler: Sampler) {
        self.inner.change(direction, Some(&sampler), None);
    }

    /// Replaces the builder's custom tags for the spans that start from now on. Environment tags are
    /// read now.
    ///
    /// # Errors
    ///
    /// A tag cannot be used; then nothing changes.
    pub fn set_tags(&self, tags: impl IntoIterator<Item = Tag>) -> Result<(), TagError> {
        let tags: Vec<Tag> = tags.into_iter().collect();
        // A tag that cannot be used fails for the first direction, before anything has changed.
        let mut directions = Direction::BOTH.into_iter();
        directions.try_for_each(|direction| self.set_tags_for(direction, tags.clone()))
    }

    /// Replaces the builder's custom tags for the spans of this direction that start from now on.
    /// Environment tags are read now. The tags of the
    /// [identity](crate::TracerBuilder::identity) stay.
    ///
    /// # Errors
    ///
    /// A tag cannot be used; then nothing changes.
    pub fn set_tags_for(
        &self,
        direction: Direction,
        tags: impl IntoIterator<Item = Tag>,
    ) -> Result<(), TagError> {
        let tags = self.with_identity_tags(direction, tags)?;
        self.inner.change(direction, None, Some(&tags));
        Ok(())
    }

    fn with_identity_tags(
        &self,
        direction: Direction,
        tags: impl IntoIterator<Item = Tag>,
    ) -> Result<CustomTags, TagError> {
        let identity = self.inner.identity_tags.of(direction).iter().cloned();
        CustomTags::resolve(tags.into_iter().chain(identity))
    }
}

#[cfg(feature = "config")]
impl Tracer {
    /// Replaces the samplers and custom tags that came from a configuration. What code has set in the
    /// builder stays.
    pub(crate) fn replace_fallback(
        &self,
        sampler: impl Fn(Direction) -> Sampler,
        tags: impl Fn(Direction) -> Vec<Tag>,
    ) -> Result<(), TagError> {
        let all_tags = |direction| {
            let in_code = self.inner.set_in_code.of(direction).tags.iter().cloned();
            self.with_identity_tags(direction, in_code.chain(tags(direction)))
        };
        // Both directions are resolved before either changes: an error changes nothing.
        let changes = [
            (Direction::Server, all_tags(Direction::Server)?),
            (Direction::Client, all_tags(Direction::Client)?),
        ];
        for (direction, tags) in changes {
            let sampler = match self.inner.set_in_code.of(direction).sampler {
                true => None,
                false => Some(sampler(direction)),
            };
            self.inner.change(direction, sampler.as_ref(), Some(&tags));
        }
        Ok(())
    }
}
