//! A small HTTP proxy that knows where names lead, and remembers what it was asked for.

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use ::http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Empty, combinators::BoxBody};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::handshake;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::Certificates;

type Body = BoxBody<Bytes, hyper::Error>;

/// A proxy that listens on loopback until the runtime ends. What it is asked to connect to it answers with TLS itself, and takes
/// what comes then to the server in clear, so that these need to know nothing of it.
pub struct TestProxy {
    address: SocketAddr,
    state: Arc<State>,
}

struct State {
    places: HashMap<String, SocketAddr>,
    tls: TlsAcceptor,
    seen: Mutex<Vec<String>>,
}

impl TestProxy {
    /// `places`: where `HOST:PORT` leads.
    ///
    /// # Panics
    ///
    /// No port is free, or the certificates are none.
    pub async fn start(certificates: &Certificates, places: &[(&str, SocketAddr)]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let places = places.iter().map(|(place, address)| ((*place).to_owned(), *address)).collect();
        let state = Arc::new(State { places, tls: acceptor(certificates), seen: Mutex::default() });
        let serving = Arc::clone(&state);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let state = Arc::clone(&serving);
                let answer = service_fn(move |request| {
                    let state = Arc::clone(&state);
                    async move { Ok::<_, Infallible>(state.answer(request).await) }
                });
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), answer).with_upgrades());
            }
        });
        Self { address, state }
    }

    /// Its port on `localhost`.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// `METHOD PLACE USER` of each request, `USER` as it was sent.
    #[must_use]
    pub fn seen(&self) -> Vec<String> {
        self.state.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl State {
    async fn answer(&self, mut request: Request<Incoming>) -> Response<Body> {
        let connects = request.method() == Method::CONNECT;
        let place = request.uri().authority().map(ToString::to_string).unwrap_or_default();
        let user = request.headers_mut().remove("proxy-authorization");
        let user = user.as_ref().and_then(|user| user.to_str().ok()).unwrap_or("-").to_owned();
        let method = request.method().clone();
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).push(format!("{method} {place} {user}"));
        let Some(&to) = self.places.get(&place) else { return empty(StatusCode::BAD_GATEWAY) };
        if connects {
            let tls = self.tls.clone();
            tokio::spawn(async move {
                let Ok(upgraded) = hyper::upgrade::on(request).await else { return };
                let Ok(mut inner) = tls.accept(TokioIo::new(upgraded)).await else { return };
                let Ok(mut server) = TcpStream::connect(to).await else { return };
                let _ = tokio::io::copy_bidirectional(&mut inner, &mut server).await;
            });
            return empty(StatusCode::OK);
        }
        forward(request, to).await.unwrap_or_else(|| empty(StatusCode::BAD_GATEWAY))
    }
}

async fn forward(mut request: Request<Incoming>, to: SocketAddr) -> Option<Response<Body>> {
    let path = request.uri().path_and_query()?.as_str().parse().ok()?;
    *request.uri_mut() = path;
    let stream = TcpStream::connect(to).await.ok()?;
    let (mut sender, connection) = handshake(TokioIo::new(stream)).await.ok()?;
    tokio::spawn(connection);
    Some(sender.send_request(request).await.ok()?.map(BodyExt::boxed))
}

fn empty(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Empty::new().map_err(|never| match never {}).boxed());
    *response.status_mut() = status;
    response
}

fn acceptor(certificates: &Certificates) -> TlsAcceptor {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let chain = CertificateDer::pem_file_iter(certificates.path("cert.pem")).expect("a file");
    let chain = chain.collect::<Result<Vec<_>, _>>().expect("certificates");
    let key = PrivateKeyDer::from_pem_file(certificates.path("key.pem")).expect("a key");
    let config = rustls::ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key);
    TlsAcceptor::from(Arc::new(config.expect("they belong together")))
}
