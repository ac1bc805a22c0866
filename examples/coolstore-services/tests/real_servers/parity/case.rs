//! A request that is sent to both sides, and the behavior of the client and the backend.

use super::backend::Answer;

/// Ids of incoming contexts: trace, its low half, span, parent.
pub const T: &str = "463ac35c9f6413ad48485a3953bb6124";
pub const LOW: &str = "48485a3953bb6124";
pub const S: &str = "a2fb4a1d1a96d312";
pub const P: &str = "0020000000000001";
pub const UUID: &str = "11111111-2222-4333-8444-555555555555";

/// What the client does after sending its request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Client {
    /// Reads the response to its end.
    #[default]
    Reads,
    /// Hangs up once the backend has the request.
    HangsUp,
    /// Hangs up once the body has begun.
    HangsUpInBody,
}

#[derive(Clone)]
pub struct Case {
    pub setup: &'static str,
    name: String,
    pub headers: Vec<(&'static str, String)>,
    pub method: &'static str,
    pub path: &'static str,
    pub body: &'static str,
    pub answer: Answer,
    pub client: Client,
}

impl Case {
    /// The name, which is also a tag of the spans.
    pub fn name(&self) -> String {
        format!("{}: {}", self.setup, self.name)
    }

    pub fn with_setup(mut self, setup: &'static str) -> Case {
        self.setup = setup;
        self
    }

    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Case {
        self.headers.push((name, value.into()));
        self
    }

    pub fn b3(self, value: impl Into<String>) -> Case {
        self.header("b3", value)
    }

    pub fn ids(self, trace: &str, span: &str) -> Case {
        self.header("x-b3-traceid", trace)
            .header("x-b3-spanid", span)
    }

    pub fn sampled(self, value: &str) -> Case {
        self.header("x-b3-sampled", value)
    }

    pub fn parent(self, value: &str) -> Case {
        self.header("x-b3-parentspanid", value)
    }

    pub fn request_id(self, value: impl Into<String>) -> Case {
        self.header("x-request-id", value)
    }

    /// From an internal address, as Envoy determines it.
    pub fn internal(self) -> Case {
        self.header("x-forwarded-for", "127.0.0.1")
    }

    pub fn force(self) -> Case {
        self.header("x-envoy-force-trace", "true")
    }

    pub fn client_id(self) -> Case {
        self.header("x-client-trace-id", "my-client-id")
    }

    pub fn get(mut self, path: &'static str) -> Case {
        self.path = path;
        self
    }

    pub fn post(mut self, body: &'static str) -> Case {
        (self.method, self.body) = ("POST", body);
        self
    }

    pub fn head(mut self) -> Case {
        self.method = "HEAD";
        self
    }

    pub fn grpc(self, answer: Answer) -> Case {
        self.post("\0\0\0\0\0")
            .get("/shop.Catalog/Items")
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .answered(answer)
    }

    pub fn answered(mut self, answer: Answer) -> Case {
        self.answer = answer;
        self
    }

    pub fn client(mut self, client: Client) -> Case {
        self.client = client;
        self
    }
}

pub fn case(setup: &'static str, name: impl Into<String>) -> Case {
    Case {
        setup,
        name: name.into(),
        headers: Vec::new(),
        method: "GET",
        path: "/headers",
        body: "",
        answer: Answer::Ok,
        client: Client::Reads,
    }
}

/// A request that every setup traces, sent after all others.
pub fn fence(setup: &'static str) -> Case {
    case(setup, "fence").ids(T, S).sampled("1")
}
