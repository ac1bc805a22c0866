//! The two programs, connected to each other and to a stub of Zipkin.

use test_kit::{Process, ZipkinStub, eventually};

pub struct Programs {
    pub zipkin: ZipkinStub,
    pub inventory: Process,
    pub orders: Process,
}

impl Programs {
    pub fn start() -> Programs {
        let zipkin = ZipkinStub::start();
        // Spans are sent only when the process ends.
        let common = [
            ("LISTEN", "127.0.0.1:0"),
            ("ZIPKIN_URL", zipkin.url()),
            ("SPANS_MAX_AGE_MS", "3600000"),
        ];
        let grpc = [("LISTEN_GRPC", "127.0.0.1:0")];
        let inventory = Process::start(
            env!("CARGO_BIN_EXE_inventory"),
            &[],
            &[&common[..], &grpc].concat(),
        );
        let stock = eventually("the address for gRPC", || {
            let stdout = inventory.stdout();
            let line = stdout
                .lines()
                .find_map(|line| line.strip_prefix("gRPC on "));
            line.filter(|_| stdout.ends_with('\n')).map(str::to_owned)
        });
        let prices = format!("http://{}", inventory.address());
        let urls = [("PRICES_URL", &*prices), ("STOCK_URL", &*stock)];
        let orders = Process::start(
            env!("CARGO_BIN_EXE_orders"),
            &[],
            &[&common[..], &urls].concat(),
        );
        orders.address();
        Programs {
            zipkin,
            inventory,
            orders,
        }
    }
}
