//! A journal in PostgreSQL that is reached by TLS.

use std::fs;

use exuvia_test_support::postgres::{Server, query};
use exuvia_tests::{Certificates, DataHome, Ended, Folder, Program};

/// Runs a script with a journal at this URL, by a program that trusts an authority.
fn run(url: &str, trusted: &Certificates) -> Ended {
    let folder = Folder::new(&format!("[journal]\nurl = {url:?}\n"));
    let (data, authority) = (DataHome::shared(), trusted.path("ca.pem").display().to_string());
    let variables = [("XDG_DATA_HOME", data.as_path().to_str().expect("UTF-8")), ("SSL_CERT_FILE", authority.as_str())];
    // Long enough that its connection is seen.
    let code = "import time\ntime.sleep(1)\nresult = 7";
    Program::start(&["run", "--config", &folder.text("exuvia.toml"), "-c", code], &variables).end()
}

/// Whether connections of a program to this database are encrypted. None: there is none within some seconds.
fn is_encrypted(admin: &str, database: &str) -> Option<bool> {
    let select = format!(
        "SELECT bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE application_name = 'exuvia' AND datname = '{database}'"
    );
    (0..300).find_map(|_| {
        std::thread::sleep(std::time::Duration::from_millis(20));
        query(admin, &select).expect("readable").map(|answer| answer == "t")
    })
}

#[test]
fn the_database_is_reached_by_tls_with_a_certificate_that_is_valid_for_its_host() {
    let (own, other) = (Certificates::new(), Certificates::new());
    let pem = |file: &str| fs::read_to_string(own.path(file)).expect("a file");
    let Some(server) = Server::with_tls(&pem("cert.pem"), &pem("key.pem")) else { return };
    let (admin, port) = (server.url("postgres"), server.port());
    let new = || server.create(None).rsplit('/').next().expect("a name").to_owned();
    let url =
        |host: &str, database: &str, options: &str| format!("postgres://postgres@{host}:{port}/{database}{options}");
    let seen = |url: String, database: &str| {
        std::thread::scope(|scope| {
            let ended = scope.spawn(|| run(&url, &own));
            let is_encrypted = is_encrypted(&admin, database);
            (ended.join().expect("no panic"), is_encrypted)
        })
    };

    let database = new();
    let (ended, is_encrypted) = seen(url("localhost", &database, "?sslmode=require"), &database);
    assert_eq!((ended.status, is_encrypted), (Some(0), Some(true)), "{ended:?}");
    let rows = query(&server.url(&database), "SELECT count(*) FROM exuvia.runs").expect("readable");
    assert_eq!(rows.as_deref(), Some("1"));
    let database = new();
    let (ended, is_encrypted) = seen(url("127.0.0.1", &database, "?sslmode=disable"), &database);
    assert_eq!((ended.status, is_encrypted), (Some(0), Some(false)), "{ended:?}");

    // Another authority, and a host that the certificate does not name.
    for (host, trusted) in [("localhost", &other), ("127.0.0.2", &own)] {
        let database = new();
        let ended = run(&url(host, &database, "?sslmode=require"), trusted);
        assert!(ended.status == Some(2) && ended.stderr.contains("certificate"), "{host}: {ended:?}");
        let rows = query(&server.url(&database), "SELECT count(*) FROM pg_namespace WHERE nspname = 'exuvia'");
        assert_eq!(rows.expect("readable").as_deref(), Some("0"), "it wrote something");
    }
}

#[test]
fn a_server_without_tls_is_refused_where_it_is_required() {
    // One that is not asked for TLS answers at its socket alone: anything that listens and knows no TLS stands for it.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let answering = std::thread::spawn(move || {
        use std::io::{Read as _, Write as _};
        let (mut stream, _) = listener.accept().expect("a connection");
        let mut asked = [0; 8];
        stream.read_exact(&mut asked).expect("a request for TLS");
        // "No", as a server without TLS says it (PostgreSQL's protocol, "SSL Session Encryption").
        stream.write_all(b"N").expect("an answer");
        asked
    });
    let certificates = Certificates::new();
    let ended = run(&format!("postgres://postgres@127.0.0.1:{port}/x?sslmode=require"), &certificates);
    assert!(ended.status == Some(2) && ended.stderr.contains("TLS"), "{ended:?}");
    assert_eq!(answering.join().expect("no panic"), [0, 0, 0, 8, 4, 210, 22, 47]);
}
