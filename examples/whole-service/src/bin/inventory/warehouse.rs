//! The stock, over gRPC.

use std::future::pending;
use tonic::Status;
use tracing::{info, instrument, warn};
use whole_service::stock::{Reserved, Stock, Wanted};

#[derive(Clone)]
pub struct Warehouse;

impl Stock for Warehouse {
    #[instrument(skip_all, fields(item = wanted.item))]
    async fn reserve(self, wanted: Wanted) -> Result<Reserved, Status> {
        match &*wanted.item {
            "piano" => {
                warn!("the warehouse does not answer");
                pending().await
            }
            "desk" => {
                warn!("out of stock");
                Err(Status::unavailable("out of stock"))
            }
            item => Ok(Reserved { left: take(item) }),
        }
    }
}

#[instrument]
fn take(item: &str) -> u32 {
    info!("taken");
    item.len() as u32
}
