//! The clients of `inventory`.

use axum::http::{Request, Uri};
use futures_util::{TryStreamExt, stream::FuturesUnordered};
use http_body_util::{BodyExt, Empty};
use hyper_util::{
    client::legacy::{self, connect::HttpConnector},
    rt::TokioExecutor,
};
use std::error::Error;
use tonic::{Status, codegen::Bytes, transport::Channel};
use tower::{Layer, ServiceExt};
use tower_b3::{ClientLayer, RouteTemplate, TracedClient, Tracer, reqwest::Traced};
use tracing::{info, instrument};
use whole_service::stock::StockClient;

pub type BoxError = Box<dyn Error + Send + Sync>;

#[derive(Clone)]
pub struct Clients {
    prices: String,
    reqwest: reqwest::Client,
    inventory: ClientLayer,
    hyper: TracedClient<legacy::Client<HttpConnector, Empty<Bytes>>>,
    stock: StockClient,
}

impl Clients {
    pub fn new(tracer: &Tracer, prices: String, stock: Uri) -> Clients {
        let inventory = tracer.client_layer().remote_service("inventory");
        let hyper = legacy::Client::builder(TokioExecutor::new()).build_http();
        let channel = inventory.layer(Channel::builder(stock.clone()).connect_lazy());
        Clients {
            prices,
            reqwest: reqwest::Client::new(),
            hyper: inventory.layer(hyper),
            stock: StockClient::with_origin(channel, stock),
            inventory,
        }
    }

    /// Asks for the prices of all items at once, with reqwest.
    #[instrument(skip_all)]
    pub async fn price_all(&self, items: &[&str]) -> Result<u32, BoxError> {
        let prices: FuturesUnordered<_> = items.iter().map(|item| self.price(item)).collect();
        prices.try_fold(0, async |sum, cents| Ok(sum + cents)).await
    }

    #[instrument(skip(self))]
    async fn price(&self, item: &str) -> Result<u32, BoxError> {
        let response = self
            .reqwest
            .get(format!("{}/prices/{item}", self.prices))
            .traced(&self.inventory)
            .route("/prices/{item}")
            .send()
            .await?;
        let response = response.error_for_status();
        let response = response.map_err(reqwest::Error::without_url)?;
        let cents = response.text().await?.parse()?;
        info!(cents, "priced");
        Ok(cents)
    }

    /// Asks for the discount, in percent, with hyper's client.
    #[instrument(skip_all)]
    pub async fn discount(&self) -> Result<u32, BoxError> {
        let request = Request::get(format!("{}/discount", self.prices))
            .extension(RouteTemplate::new("/discount"))
            .body(Empty::new())?;
        let response = self.hyper.clone().oneshot(request).await?;
        let percent = response.into_body().collect().await?.to_bytes();
        let percent = std::str::from_utf8(&percent)?.parse()?;
        info!(percent, "discounted");
        Ok(percent)
    }

    /// Reserves all items at once, with tonic.
    #[instrument(skip_all)]
    pub async fn reserve_all(&self, items: &[&str]) -> Result<(), Status> {
        let reserved: FuturesUnordered<_> = items.iter().map(|item| self.reserve(item)).collect();
        reserved.try_collect().await
    }

    #[instrument(skip(self), err)]
    async fn reserve(&self, item: &str) -> Result<(), Status> {
        let reserved = self.stock.clone().reserve(item).await?;
        info!(left = reserved.left, "reserved");
        Ok(())
    }
}
