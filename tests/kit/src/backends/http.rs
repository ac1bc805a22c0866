//! A small async HTTP client.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Method, Request};
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;
use tokio::time::timeout;

const TIMEOUT: Duration = Duration::from_secs(10);

/// Its connections belong to the runtime on which it is first used.
#[derive(Clone)]
pub struct Http(Client<HttpConnector, Full<Bytes>>);

impl Default for Http {
    fn default() -> Http {
        Http(Client::builder(TokioExecutor::new()).build_http())
    }
}

impl Http {
    pub async fn get(&self, url: &str, headers: &[(&str, &str)]) -> Result<String, String> {
        self.send(Method::GET, url, headers, "").await
    }

    pub async fn post_json(&self, url: &str, body: &str) -> Result<String, String> {
        let headers = [("content-type", "application/json")];
        self.send(Method::POST, url, &headers, body).await
    }

    /// The body of a 2xx response; any other status is an error that names the request.
    async fn send(
        &self,
        method: Method,
        url: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Result<String, String> {
        let mut request = Request::builder().method(&method).uri(url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = Full::from(body.to_owned());
        let request = request.body(body);
        let request = request.map_err(|error| format!("{method} {url}: {error}"))?;
        let answer = timeout(TIMEOUT, self.exchange(request)).await;
        answer
            .unwrap_or_else(|_| Err(format!("no answer within {TIMEOUT:?}")))
            .map_err(|error| format!("{method} {url}: {error}"))
    }

    async fn exchange(&self, request: Request<Full<Bytes>>) -> Result<String, String> {
        let response = self
            .0
            .request(request)
            .await
            .map_err(|e| format!("{e:?}"))?;
        let status = response.status();
        let body = response.into_body().collect().await;
        let body = body.map_err(|e| format!("{e:?}"))?.to_bytes();
        let body = String::from_utf8_lossy(&body).into_owned();
        if status.is_success() {
            Ok(body)
        } else {
            Err(format!("{status}: {body}"))
        }
    }
}
