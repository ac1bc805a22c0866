//! Traces of a shop, with durations that vary but are the same in each run.

use serde_json::{Value, json};

use crate::spans::{span, timed, with};

/// A service, what it is asked for, and whom it asks for that.
struct Call(&'static str, &'static str, &'static [Call]);

const PRODUCTS: Call = Call(
    "gateway",
    "get /products",
    &[
        Call(
            "catalog",
            "get /catalog",
            &[Call("catalog-db", "select products", &[])],
        ),
        Call("inventory", "get /stock", &[Call("redis", "mget", &[])]),
        Call(
            "pricing",
            "get /prices",
            &[Call("promotions", "get /promotions", &[])],
        ),
        Call(
            "recommendations",
            "post /recommend",
            &[Call("redis", "get", &[])],
        ),
    ],
);
const CART: Call = Call(
    "gateway",
    "post /cart",
    &[Call(
        "cart",
        "post /cart",
        &[
            Call("redis", "hset", &[]),
            Call(
                "pricing",
                "get /prices",
                &[Call("promotions", "get /promotions", &[])],
            ),
        ],
    )],
);
const ORDER: Call = Call(
    "gateway",
    "post /orders",
    &[Call(
        "orders",
        "post /orders",
        &[
            Call("cart", "get /cart", &[Call("redis", "hgetall", &[])]),
            Call(
                "inventory",
                "post /reserve",
                &[Call("inventory-db", "update stock", &[])],
            ),
            Call(
                "payments",
                "post /charge",
                &[Call("bank", "post /v1/charges", &[])],
            ),
            Call("mailer", "post /confirmations", &[]),
        ],
    )],
);

/// Makes traces, one after the other.
pub struct Shop {
    seed: u64,
    trace: u64,
    span: u64,
}

impl Shop {
    pub fn new() -> Shop {
        Shop {
            seed: 0x2545_f491_4f6c_dd1d,
            trace: 0,
            span: 0,
        }
    }

    /// One of the shop's requests, which fails in the service `failing`, if that takes part.
    pub fn request(&mut self, start: u64, failing: &str) -> Vec<Value> {
        let call = [&PRODUCTS, &CART, &PRODUCTS, &ORDER][self.between(0, 4) as usize];
        self.trace_of(call, start, failing)
    }

    pub fn order(&mut self, start: u64, failing: &str) -> Vec<Value> {
        self.trace_of(&ORDER, start, failing)
    }

    fn trace_of(&mut self, call: &Call, start: u64, failing: &str) -> Vec<Value> {
        self.trace += 1;
        let mut spans = Vec::new();
        self.serve(call, 0, start, failing, &mut spans);
        spans.reverse();
        spans
    }

    /// From `least` to below `most`.
    fn between(&mut self, least: u64, most: u64) -> u64 {
        self.seed ^= self.seed << 13;
        self.seed ^= self.seed >> 7;
        self.seed ^= self.seed << 17;
        least + self.seed % (most - least)
    }

    /// The span of a server and those below it, children first. Returns its end.
    fn serve(
        &mut self,
        call: &Call,
        parent: u64,
        start: u64,
        failing: &str,
        spans: &mut Vec<Value>,
    ) -> u64 {
        let Call(service, name, callees) = call;
        self.span += 1;
        let id = self.span;
        let mut now = start + self.between(300, 1_800);
        let mut end = now;
        for callee in *callees {
            let done = self.ask(service, callee, id, now, failing, spans);
            end = end.max(done);
            // Some are asked at the same time.
            now = if self.between(0, 3) == 0 {
                now + self.between(200, 700)
            } else {
                done
            };
        }
        end += self.between(400, 9_000);
        let (method, _) = name.split_once(' ').unwrap_or(("get", ""));
        let mut tags = json!({
            "component": "proxy", "http.method": method.to_uppercase(), "http.status_code": "200",
            "http.url": format!("http://{service}:8080{}", name.rsplit(' ').next().unwrap_or("/")),
            "node_id": format!("sidecar~10.0.0.{}~{service}", service.len()), "peer.address": "10.0.0.4",
            "response_size": self.between(100, 9_000).to_string(), "user_agent": "hyper/1.6",
        });
        let mut fields = json!({ "kind": "SERVER" });
        if *service == failing {
            tags["error"] = "true".into();
            tags["http.status_code"] = "503".into();
            tags["response_flags"] = "UF".into();
            fields["annotations"] =
                json!([{ "timestamp": start + (end - start) / 2, "value": "retry 1 of 2" }]);
        }
        fields["tags"] = tags;
        spans.push(with(
            timed(
                span(self.trace, id, parent, service, name),
                start,
                end - start,
            ),
            fields,
        ));
        end
    }

    /// The span of a client and those below it. Returns its end.
    fn ask(
        &mut self,
        caller: &str,
        callee: &Call,
        parent: u64,
        start: u64,
        failing: &str,
        spans: &mut Vec<Value>,
    ) -> u64 {
        self.span += 1;
        let id = self.span;
        let arrived = start + self.between(150, 900);
        let end = self.serve(callee, id, arrived, failing, spans) + self.between(150, 700);
        let Call(service, name, _) = callee;
        let mut tags = json!({ "component": "proxy", "upstream_cluster": format!("outbound|8080||{service}") });
        if *service == failing {
            tags["error"] = "true".into();
        }
        let fields = json!({ "kind": "CLIENT", "remoteEndpoint": { "serviceName": service, "port": 8080 }, "tags": tags });
        spans.push(with(
            timed(
                span(self.trace, id, parent, caller, name),
                start,
                end - start,
            ),
            fields,
        ));
        end
    }
}
