//! The environment of a scene: the servers, which all scenes share, and an output directory.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Weak};

use test_kit::backends::{Http, Jaeger, Zipkin, test_dir};
use tokio::sync::Mutex;

use super::collector::Collector;
use super::document::Document;
use super::shop::Shop;

const TMP: &str = env!("CARGO_TARGET_TMPDIR");

/// Owned by the running scenes: a static would never stop the servers.
static SERVERS: Mutex<Weak<Servers>> = Mutex::const_new(Weak::new());

struct Servers {
    zipkin: Zipkin,
    jaeger: Jaeger,
}

impl Servers {
    async fn shared() -> Arc<Servers> {
        let mut shared = SERVERS.lock().await;
        if let Some(servers) = shared.upgrade() {
            return servers;
        }
        let dir = test_dir(TMP, "scenes").expect("not skipped");
        let http = Http::default();
        let (zipkin, jaeger) = tokio::join!(Zipkin::start(&dir, &http), Jaeger::start(&dir, &http));
        let servers = Arc::new(Servers { zipkin, jaeger });
        *shared = Arc::downgrade(&servers);
        servers
    }
}

pub struct Stage {
    pub http: Http,
    dir: PathBuf,
    servers: Arc<Servers>,
}

impl Stage {
    /// `None` if the real servers are switched off.
    pub async fn open(scene: &str) -> Option<Stage> {
        let dir = test_dir(TMP, scene)?;
        Some(Stage {
            http: Http::default(),
            dir,
            servers: Servers::shared().await,
        })
    }

    pub fn zipkin(&self) -> Collector {
        Collector::Zipkin(self.servers.zipkin.asked_by(&self.http))
    }

    pub fn jaeger(&self) -> Collector {
        Collector::Jaeger(self.asked_jaeger())
    }

    pub fn asked_jaeger(&self) -> Jaeger {
        self.servers.jaeger.asked_by(&self.http)
    }

    pub fn both(&self) -> [Collector; 2] {
        [self.zipkin(), self.jaeger()]
    }

    /// A file of these documents.
    pub fn document(&self, name: &str, documents: &[&str]) -> Document {
        Document::new(&self.dir, name, documents)
    }

    /// Starts `webapp-{name}` and `catalog-{name}` with the same document.
    pub async fn shop(&self, name: &str, document: &Document) -> Shop {
        self.shop_of(name, document, document).await
    }

    /// Like `shop`, with a separate document for each service.
    pub async fn shop_of(&self, name: &str, webapp: &Document, catalog: &Document) -> Shop {
        Shop::open(&self.dir, name, webapp, catalog).await
    }

    /// Sends a GET request that must succeed.
    pub async fn get(&self, addr: SocketAddr, path: &str, headers: &[(&str, &str)]) -> String {
        let url = format!("http://{addr}{path}");
        let answer = self.http.get(&url, headers).await;
        answer.unwrap_or_else(|error| panic!("{error}"))
    }
}
