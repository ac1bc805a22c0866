//! The program: its arguments, its addresses, and how it ends.

use std::{
    net::{SocketAddr, TcpListener},
    path::Path,
};
use test_kit::{Process, eventually, http, refusal};

const PROGRAM: &str = env!("CARGO_BIN_EXE_tower-b3-viewer");

/// Sends a request as a browser on this machine does.
fn get(address: SocketAddr, path: &str) -> http::Response {
    let request = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    http::exchange(address, request.as_bytes())
}

/// The process fails, and this is its message.
fn failure(args: &[&str]) -> String {
    let mut process = Process::start(PROGRAM, args, &[]);
    assert_eq!(process.wait().code(), Some(1), "{process}");
    process.stderr()
}

#[test]
fn it_prints_its_url_and_ends_when_told() {
    let mut process = Process::listen(PROGRAM, &["--otlp", "127.0.0.1:0"]);
    let address = process.address();
    let status = get(address, "/viewer/status").json();
    assert_eq!(status["listen"], address.to_string());
    let otlp = status["otlp"].as_str().unwrap();
    assert!(
        process
            .stdout()
            .contains(&format!("OTLP at http://{otlp}/v1/traces")),
        "{process}"
    );
    let otlp = otlp.parse().unwrap();
    assert_eq!(get(otlp, "/health").json()["status"], "UP");
    assert!(process.stop().success(), "{process}");
}

#[test]
fn it_loads_files() {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("load");
    std::fs::create_dir_all(&directory).unwrap();
    let file = directory.join("spans.jsonl");
    std::fs::write(
        &file,
        "{\"traceId\":\"1\",\"id\":\"1\"}\n{\"traceId\":\"2\",\"id\":\"1\"}\n",
    )
    .unwrap();
    let payload = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/payloads/brave.json.gz");
    let args = [
        "--otlp",
        "off",
        "--load",
        file.to_str().unwrap(),
        "--load",
        payload,
    ];
    let process = Process::listen(PROGRAM, &args);
    let status = get(process.address(), "/viewer/status").json();
    assert_eq!(
        (&status["traces"], &status["otlp"]),
        (&3.into(), &serde_json::Value::Null)
    );
    let missing = failure(&["--listen", "127.0.0.1:0", "--load", "no-such-file"]);
    assert!(
        missing.starts_with("tower-b3-viewer: --load no-such-file: "),
        "{missing}"
    );
    std::fs::write(&file, "{}").unwrap();
    let unknown = failure(&["--listen", "127.0.0.1:0", "--load", file.to_str().unwrap()]);
    assert!(unknown.contains("the format is unknown"), "{unknown}");
}

#[test]
fn a_port_in_use_is_said() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let error = failure(&["--listen", &address.to_string()]);
    let expected = format!(
        "tower-b3-viewer: {address} is in use by another program; end that program, or choose \
         another port with --listen 127.0.0.1:PORT (0 for any free port)\n"
    );
    assert_eq!(error, expected);
    let error = failure(&["--listen", "127.0.0.1:0", "--otlp", &address.to_string()]);
    assert!(
        error.contains("another port with --otlp 127.0.0.1:PORT"),
        "{error}"
    );
}

#[test]
fn the_network_has_to_be_asked_for() {
    let error = refusal(PROGRAM, &["--listen", "0.0.0.0:0"]);
    let expected = "tower-b3-viewer: other machines may reach 0.0.0.0:0, and everyone who reaches it \
                    can read and delete all traces; if that is intended, add --expose-to-network\n";
    assert_eq!(error, expected);
    let error = refusal(PROGRAM, &["--otlp", "[::]:4318"]);
    assert!(error.contains("[::]:4318"), "{error}");
    let args = [
        "--listen",
        "0.0.0.0:0",
        "--otlp",
        "off",
        "--expose-to-network",
    ];
    let process = Process::start(PROGRAM, &args, &[]);
    let line = eventually("the address", || {
        process.stdout().lines().next().map(str::to_owned)
    });
    assert!(line.starts_with("listening on http://0.0.0.0:"), "{line}");
}

#[test]
fn otlps_port_in_use_is_said() {
    // If another program has it, that does as well.
    let _taken = TcpListener::bind("127.0.0.1:4318");
    let process = Process::listen(PROGRAM, &[]);
    let address = process.address();
    let expected = format!(
        "tower-b3-viewer: OTLP is only at http://{address}/v1/traces: 127.0.0.1:4318 is in use by "
    );
    let stderr = eventually("the reason", || {
        Some(process.stderr()).filter(|stderr| stderr.ends_with('\n'))
    });
    assert!(stderr.starts_with(&expected), "{stderr}");
    assert_eq!(get(address, "/health").json()["status"], "UP");
}

#[test]
fn wrong_arguments_are_said() {
    refuses(&[
        (
            &["--listen", "here"],
            "--listen is \"here\"; it must be an address like 127.0.0.1:9411",
        ),
        (
            &["--otlp", "9411"],
            "--otlp is \"9411\"; it must be an address like 127.0.0.1:9411",
        ),
        (
            &["--max-spans", "0"],
            "--max-spans is \"0\"; it must be a number of at least 1",
        ),
        (
            &["--max-bytes", "5 bananas"],
            "--max-bytes is \"5 bananas\"; it must be a size like 512MiB",
        ),
        (
            &["--max-bytes", "99999999999GiB"],
            "--max-bytes is \"99999999999GiB\"; it must be a size like 512MiB",
        ),
        (&["--listen"], "missing argument for option '--listen'"),
        (&["--colour"], "invalid option '--colour'; see --help"),
        (
            &["traces.json"],
            "unexpected argument \"traces.json\"; see --help",
        ),
    ]);
}

#[test]
fn hosts_and_origins_that_never_match_are_refused() {
    refuses(&[
        (
            &["--allow-host", "zipkin:9411"],
            "--allow-host is \"zipkin:9411\"; it must be a name without a port like zipkin, or *",
        ),
        (
            &["--allow-host", "http://zipkin"],
            "--allow-host is \"http://zipkin\"; it must be a name without a port like zipkin, or *",
        ),
        (
            &["--allow-host", ""],
            "--allow-host is \"\"; it must be a name without a port like zipkin, or *",
        ),
        (
            &["--allow-origin", "https://shop.test/"],
            "--allow-origin is \"https://shop.test/\"; it must be an origin without a path like https://shop.test, or *",
        ),
        (
            &["--allow-origin", "shop.test"],
            "--allow-origin is \"shop.test\"; it must be an origin without a path like https://shop.test, or *",
        ),
        (
            &["--allow-origin", "https://me@shop.test"],
            "--allow-origin is \"https://me@shop.test\"; it must be an origin without a path like https://shop.test, or *",
        ),
        (
            &[
                "--allow-host",
                "*",
                "--allow-host",
                "[::1]",
                "--allow-host",
                "zipkin.",
                "--allow-origin",
                "*",
                "--allow-origin",
                "http://[::1]:80",
                "--allow-origin",
                "http://a.test:1",
                "-x",
            ],
            "invalid option '-x'; see --help",
        ),
    ]);
}

fn refuses(cases: &[(&[&str], &str)]) {
    for (args, expected) in cases {
        assert_eq!(
            refusal(PROGRAM, args),
            format!("tower-b3-viewer: {expected}\n")
        );
    }
}

#[test]
fn help_and_version_are_printed() {
    let mut help = Process::start(PROGRAM, &["--help"], &[]);
    assert!(help.wait().success());
    for option in [
        "--listen",
        "--otlp",
        "--open",
        "--max-spans",
        "--max-bytes",
        "--load",
        "--expose-to-network",
        "--allow-host",
        "--allow-origin",
        "--strict-trace-id",
    ] {
        assert!(
            help.stdout().contains(&format!("\n  {option} "))
                || help.stdout().contains(&format!("\n  {option}\n")),
            "{option}"
        );
    }
    let mut version = Process::start(PROGRAM, &["-V"], &[]);
    assert!(version.wait().success());
    assert_eq!(
        version.stdout(),
        concat!("tower-b3-viewer ", env!("CARGO_PKG_VERSION"), "\n")
    );
}
