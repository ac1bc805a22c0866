//! The catalog service: the items of the shop, and a way to make it slow or failing.

use crate::traced::{Traced, json_error};
use axum::{
    Json, Router,
    body::Bytes,
    extract::{Path, State, rejection::PathRejection},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::get,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::time::sleep;
use tracing::instrument;

/// The routes of the service.
///
/// | request | response |
/// |---|---|
/// | `GET /items` | all items |
/// | `GET /items/{id}` | one item, or 404 |
/// | `GET /headers` | the request's own headers |
/// | `GET /blowup` | how requests for items are slowed down or made to fail |
/// | `POST /blowup` | changes that: `{"delay_ms": 200, "fail_percent": 50, "status": 503}` |
/// | `GET /reporter` | the reporter's counters |
pub fn router(traced: Traced) -> Router {
    let routes = Router::new()
        .route("/items", get(items))
        .route("/items/{id}", get(item))
        .route("/headers", get(headers))
        .route("/blowup", get(blowup).post(set_blowup))
        .with_state(Arc::<Catalog>::default());
    traced.layer(routes)
}

#[derive(Default)]
struct Catalog {
    /// The settings, and the number of requests since they were set, modulo 100.
    blowup: Mutex<(Blowup, u64)>,
}

#[derive(Serialize)]
struct Item {
    id: u32,
    name: &'static str,
    cents: u32,
    in_stock: u32,
}

const ITEMS: [Item; 4] = [
    item_of(1, "enamel mug", 1_250, 40),
    item_of(2, "wool blanket", 7_900, 3),
    item_of(3, "brass lamp", 12_400, 7),
    item_of(4, "oak stool", 9_900, 0),
];

const fn item_of(id: u32, name: &'static str, cents: u32, in_stock: u32) -> Item {
    Item {
        id,
        name,
        cents,
        in_stock,
    }
}

/// The body of `POST /blowup`. Fields that are left out have their default, so `{}` turns it off.
///
/// `{"delay_ms": 200, "fail_percent": 50, "status": 503}` makes every request for items wait, and
/// every second one fail.
#[derive(Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Blowup {
    /// How long a slow request waits, at most one minute.
    delay_ms: u64,
    /// The percentage of requests that are slow, evenly spread.
    delay_percent: u64,
    /// The percentage of requests that fail, evenly spread.
    fail_percent: u64,
    /// The status of failed requests, from 400 to 599.
    status: u16,
}

impl Default for Blowup {
    fn default() -> Self {
        Blowup {
            delay_ms: 0,
            delay_percent: 100,
            fail_percent: 0,
            status: 503,
        }
    }
}

impl Blowup {
    fn parse(body: &[u8]) -> Result<Blowup, String> {
        // serde would accept a list too.
        let object: Map<String, Value> =
            serde_json::from_slice(body).map_err(|error| error.to_string())?;
        let blowup = Blowup::deserialize(object).map_err(|error| error.to_string())?;
        let within = |name, value, least, most| match (least..=most).contains(&value) {
            true => Ok(()),
            false => Err(format!("{name}: {value} is not from {least} to {most}")),
        };
        within("delay_ms", blowup.delay_ms, 0, 60_000)?;
        within("delay_percent", blowup.delay_percent, 0, 100)?;
        within("fail_percent", blowup.fail_percent, 0, 100)?;
        within("status", blowup.status.into(), 400, 599)?;
        Ok(blowup)
    }
}

/// Whether request `n` is in the share: of 100 consecutive requests, exactly `percent` are.
fn in_share(percent: u64, n: u64) -> bool {
    (n + 1) * percent / 100 > n * percent / 100
}

impl Catalog {
    fn blowup(&self) -> MutexGuard<'_, (Blowup, u64)> {
        self.blowup.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits or fails if the settings select this request.
    async fn misbehave(&self) -> Result<(), Response> {
        let (blowup, n) = {
            let mut blowup = self.blowup();
            blowup.1 = (blowup.1 + 1) % 100;
            blowup.clone()
        };
        if blowup.delay_ms > 0 && in_share(blowup.delay_percent, n) {
            tower_b3::annotate("slowed down");
            sleep(Duration::from_millis(blowup.delay_ms)).await;
        }
        if in_share(blowup.fail_percent, n) {
            tower_b3::tag("shop.blowup", "failed");
            tracing::warn!(status = blowup.status, "blown up");
            let status = StatusCode::from_u16(blowup.status);
            let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            return Err(json_error(status, "blown up"));
        }
        Ok(())
    }

    #[instrument(skip_all)]
    async fn load_items(&self, wanted: impl Fn(&Item) -> bool) -> Vec<&'static Item> {
        let items: Vec<&Item> = ITEMS.iter().filter(|item| wanted(item)).collect();
        tower_b3::tag("shop.items", items.len().to_string());
        items
    }
}

async fn items(State(catalog): State<Arc<Catalog>>) -> Result<Response, Response> {
    catalog.misbehave().await?;
    let items = catalog.load_items(|_| true).await;
    Ok(Json(json!({ "items": items })).into_response())
}

async fn item(
    State(catalog): State<Arc<Catalog>>,
    id: Result<Path<u32>, PathRejection>,
) -> Result<Response, Response> {
    catalog.misbehave().await?;
    let unknown = || json_error(StatusCode::NOT_FOUND, "there is no such item");
    let Path(id) = id.map_err(|_| unknown())?;
    let found = catalog.load_items(|item| item.id == id).await;
    let item = found.first().ok_or_else(unknown)?;
    Ok(Json(item).into_response())
}

/// Header names are in lower case; a repeated header becomes a list, as in httpbin.
async fn headers(headers: HeaderMap) -> Json<Value> {
    let mut shown: BTreeMap<&str, Value> = BTreeMap::new();
    for name in headers.keys() {
        let values = headers.get_all(name).iter();
        let mut values: Vec<Value> = values
            .map(|value| String::from_utf8_lossy(value.as_bytes()).into())
            .collect();
        let value = match values.len() {
            1 => values.remove(0),
            _ => Value::Array(values),
        };
        shown.insert(name.as_str(), value);
    }
    Json(json!({ "headers": shown }))
}

async fn blowup(State(catalog): State<Arc<Catalog>>) -> Json<Blowup> {
    Json(catalog.blowup().0.clone())
}

async fn set_blowup(
    State(catalog): State<Arc<Catalog>>,
    body: Bytes,
) -> Result<Json<Blowup>, Response> {
    let blowup =
        Blowup::parse(&body).map_err(|reason| json_error(StatusCode::BAD_REQUEST, reason))?;
    *catalog.blowup() = (blowup.clone(), 0);
    Ok(Json(blowup))
}
