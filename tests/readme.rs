//! The README's server as its reader builds it: a package of its own with the README's dependencies
//! and the README's code. Its listening address and the URLs of Zipkin and of the catalog become
//! arguments; the rest is as it is.

#![cfg(all(unix, feature = "axum", feature = "log-ids", feature = "zipkin"))]

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
};
use test_kit::{Process, ZipkinStub, eventually, http::get};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// The first block of this language in the section with the server.
fn block<'a>(readme: &'a str, language: &str) -> &'a str {
    let (_, section) = readme
        .split_once("\n## Quick start\n")
        .expect("the section");
    let (_, block) = section
        .split_once(&format!("\n```{language}\n"))
        .expect("a block");
    let (block, _) = block.split_once("\n```\n").expect("the block's end");
    block
}

fn replaced(code: &str, literal: &str, with: &str) -> String {
    assert_eq!(code.matches(literal).count(), 1, "{literal} in {code}");
    code.replace(literal, with)
}

/// Builds the server and tells where it is.
fn build() -> PathBuf {
    let readme = fs::read_to_string(Path::new(ROOT).join("README.md")).expect("the README");
    let argument = |at| format!("std::env::args().nth({at}).unwrap()");
    let code = block(&readme, "rust,no_run");
    let code = replaced(code, "\"127.0.0.1:8080\"", &argument(1));
    let code = replaced(
        &code,
        "\"http://localhost:9411/api/v2/spans\"",
        &argument(2),
    );
    let code = replaced(&code, "\"http://localhost:8081/items\"", &argument(3));
    let manifest = format!(
        "[package]\nname = \"readme\"\nedition = \"2024\"\n\n[workspace]\n\n{}\n\n\
         [patch.crates-io]\ntower-b3 = {{ path = {ROOT:?} }}\n\n[profile.dev]\ndebug = false\n",
        block(&readme, "toml"),
    );

    let package = Path::new(env!("CARGO_TARGET_TMPDIR")).join("readme");
    fs::create_dir_all(package.join("src")).expect("a directory");
    fs::write(package.join("Cargo.toml"), manifest).expect("the manifest is written");
    fs::write(package.join("src/main.rs"), code).expect("the code is written");
    // The versions that are there already.
    fs::copy(
        Path::new(ROOT).join("Cargo.lock"),
        package.join("Cargo.lock"),
    )
    .expect("a lock file");
    let built = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--offline", "--target-dir", "target"])
        .current_dir(&package)
        .status()
        .expect("cargo runs");
    assert!(built.success(), "the README's server is not built");
    package.join("target/debug/readme")
}

fn free_address() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("an address")
}

/// A catalog that answers every request with an empty list.
fn catalog() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address");
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let head = BufReader::new(&stream).lines().map_while(Result::ok);
            let _fields = head.take_while(|line| !line.is_empty()).count();
            let answer = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\n[]";
            let _ = (&stream).write_all(answer.as_bytes());
        }
    });
    format!("http://{address}/items")
}

#[test]
fn the_server_of_the_readme_flushes_on_a_signal() {
    let program = build();
    let catalog = catalog();
    for signal in ["TERM", "INT"] {
        let zipkin = ZipkinStub::start();
        let address = free_address();
        let mut server = Command::new(&program);
        server.args([&address.to_string(), zipkin.url(), &catalog]);
        let mut server = Process::spawn(server.stdout(Stdio::piped()).stderr(Stdio::piped()));
        eventually("the server", || TcpStream::connect(address).ok());
        for _ in 0..3 {
            let answer = get(address, "/api/catalog", &[("x-b3-sampled", "1")]);
            assert_eq!(answer.status, 200, "{answer:?}");
        }
        assert!(server.signal(signal).success(), "{server}");
        let sent = ["GET /api/catalog", "GET /items", "load items"];
        assert_eq!(
            zipkin.span_names(),
            sent.map(|name| [name; 3]).concat(),
            "SIG{signal}"
        );
    }
}
