//! A Kafka broker that can be stopped and started again.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tokio::net::TcpStream;

use super::jaeger::free_ports;
use super::logged_process::LoggedProcess;
use super::setup::{eventually, installed_dir};

const READY: Duration = Duration::from_secs(60);

pub struct Kafka {
    dir: PathBuf,
    addr: SocketAddr,
    process: Option<LoggedProcess>,
}

impl Kafka {
    /// A broker that is not running yet, but whose address is known.
    pub async fn prepare(dir: &Path) -> Kafka {
        Kafka::prepare_with(dir, "").await
    }

    /// Adds these lines to its configuration.
    pub async fn prepare_with(dir: &Path, lines: &str) -> Kafka {
        let [broker, controller] = free_ports();
        let config = format!(
            "process.roles=broker,controller\n\
             node.id=1\n\
             controller.quorum.voters=1@127.0.0.1:{controller}\n\
             listeners=PLAINTEXT://127.0.0.1:{broker},CONTROLLER://127.0.0.1:{controller}\n\
             advertised.listeners=PLAINTEXT://127.0.0.1:{broker}\n\
             controller.listener.names=CONTROLLER\n\
             log.dirs={}\n\
             num.partitions=3\n\
             offsets.topic.num.partitions=1\n\
             offsets.topic.replication.factor=1\n\
             group.initial.rebalance.delay.ms=0\n\
             transaction.state.log.replication.factor=1\n\
             {lines}\n",
            dir.join("kafka").display()
        );
        fs::write(dir.join("server.properties"), config).expect("the configuration is written");
        let kafka = Kafka {
            dir: dir.to_owned(),
            addr: SocketAddr::from(([127, 0, 0, 1], broker)),
            process: None,
        };
        let mut format = kafka.java("kafka.tools.StorageTool");
        format.args([
            "format",
            "-t",
            "AAAAAAAAAAAAAAAAAAAAAA",
            "-c",
            "server.properties",
        ]);
        let mut format = LoggedProcess::start(dir, "kafka-format", &mut format);
        let status = format.exit_status(READY).await;
        assert!(status.success(), "Kafka's storage is formatted: {status}");
        kafka
    }

    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    pub async fn start(&mut self) {
        let mut command = self.java("kafka.Kafka");
        command.arg("server.properties");
        let mut process = LoggedProcess::start(&self.dir, "kafka-broker", &mut command);
        eventually("Kafka listening", READY, async || {
            process.assert_running();
            let connected = TcpStream::connect(self.addr).await;
            connected.map_err(|error| error.to_string())
        })
        .await;
        self.process = Some(process);
    }

    /// Kills it.
    pub fn stop(&mut self) {
        self.process = None;
    }

    fn java(&self, class: &str) -> Command {
        let mut command = Command::new("java");
        command
            .args(["-Xmx512m", "-XX:TieredStopAtLevel=1", "-cp"])
            .arg(installed_dir("KAFKA_LIB").join("*"))
            .arg(class)
            .current_dir(&self.dir);
        command
    }
}
