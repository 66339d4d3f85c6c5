//! The listeners: a Unix socket for the command line, a loopback address for browsers and programs.

use std::fmt;
use std::future::pending;
use std::io;
use std::net::TcpListener as StdTcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{UnixListener as StdUnixListener, UnixStream as StdUnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use exuvia_config::AdminConfig;
use exuvia_server::PendingGateway;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, UnixListener, UnixStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::admin::{Admin, AdminHandle, AdminIdentity};
use crate::caller::Channel;
use crate::credential::AdminToken;
use crate::http::{ROUTES, served};
use crate::sources::Sources;

/// The file of the token, in the data directory.
const TOKEN: &str = "admin.token";
/// Daemons that may share a data directory.
const MOST: usize = 16;
/// Connections at a time, over each listener: who fills the address leaves the socket free.
const CONNECTIONS: usize = 128;
/// After an error that concerns this process and not one connection.
const BREATH: Duration = Duration::from_millis(100);
/// How long answers in flight may take at the end.
const LAST_ANSWERS: Duration = Duration::from_millis(500);

/// Why there is no listener.
#[derive(Debug)]
#[non_exhaustive]
pub enum BindError {
    /// The configured address is taken, or the system says no.
    Address(std::net::SocketAddr, io::Error),
    /// The token cannot be kept in this file.
    Token(PathBuf, io::Error),
}

impl fmt::Display for BindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address, error) if error.kind() == io::ErrorKind::AddrInUse => {
                write!(f, "{address}: address already in use; choose another one for `listen` in [admin]")
            }
            Self::Address(address, error) => write!(f, "{address}: {error}"),
            Self::Token(path, error) => write!(f, "{}: {error}", path.display()),
        }
    }
}

impl std::error::Error for BindError {}

/// The sockets of the daemons that may use a data directory, the first first.
pub(crate) fn sockets(folder: &Path) -> impl Iterator<Item = PathBuf> + '_ {
    (1..=MOST).map(|number| match number {
        1 => folder.join("admin.sock"),
        number => folder.join(format!("admin-{number}.sock")),
    })
}

/// Listeners that are bound. Clients that connect wait until [`start`](Self::start).
pub struct AdminServer {
    tcp: Option<StdTcpListener>,
    unix: Option<(StdUnixListener, SocketFile)>,
    identity: Arc<AdminIdentity>,
    notices: Vec<String>,
}

/// The path of a socket, which is removed at the end.
struct SocketFile(PathBuf);

impl Drop for SocketFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

impl AdminServer {
    /// Listens as configured, with the credentials of this folder. Where the address is not configured and taken, on another port. Where no
    /// socket can be made, on the address alone. Reads and writes files: call it where blocking is allowed.
    ///
    /// # Errors
    ///
    /// The token cannot be kept, or the configured address is taken.
    pub fn bind(config: &AdminConfig, folder: &Path, has_socket: bool) -> Result<Self, BindError> {
        let path = folder.join(TOKEN);
        let token = std::fs::create_dir_all(folder).and_then(|()| AdminToken::of_file(&path));
        let token = token.map_err(|error| BindError::Token(path, error))?;
        let mut notices = Vec::new();
        let tcp = address(config, &mut notices)?;
        let unix = if has_socket { socket(folder, &mut notices) } else { None };
        let address = tcp.local_addr().map_err(|error| BindError::Address(config.listen, error))?;
        let identity = Arc::new(AdminIdentity { address: Some(address), token, sessions: Default::default() });
        Ok(Self { tcp: Some(tcp), unix, identity, notices })
    }

    /// What an operator should know of how it listens.
    #[must_use]
    pub fn notices(&self) -> &[String] {
        &self.notices
    }

    /// Links to it.
    #[must_use]
    pub fn handle(&self) -> AdminHandle {
        AdminHandle::new(Arc::clone(&self.identity))
    }

    /// Serves until it is finished. Must be called on a runtime of tokio.
    ///
    /// # Errors
    ///
    /// The runtime does not take the listeners.
    pub fn start(self, gateway: PendingGateway, sources: Arc<dyn Sources>) -> io::Result<RunningAdmin> {
        let Self { tcp, unix, identity, .. } = self;
        let over = CancellationToken::new();
        let port = identity.address.map_or(0, |address| address.port());
        let admin = Arc::new(Admin::new(gateway, sources, identity, ROUTES.description(port), over.clone()));
        let tcp = tcp.map(TcpListener::from_std).transpose()?;
        let unix = match unix {
            Some((listener, file)) => Some((UnixListener::from_std(listener)?, file)),
            None => None,
        };
        let serving = tokio::spawn(serve(tcp, unix, admin, over.clone()));
        Ok(RunningAdmin { over, serving })
    }
}

/// Listeners that serve.
pub struct RunningAdmin {
    over: CancellationToken,
    serving: JoinHandle<()>,
}

impl RunningAdmin {
    /// Ends streams of events, lets other answers in flight complete for half a second, and closes the listeners.
    pub async fn finish(self) {
        self.over.cancel();
        // It ends itself.
        let _ = self.serving.await;
    }
}

fn address(config: &AdminConfig, notices: &mut Vec<String>) -> Result<StdTcpListener, BindError> {
    let bound = match StdTcpListener::bind(config.listen) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse && !config.is_fixed => {
            notices.push(format!("{} is taken: the admin API listens on another port", config.listen));
            StdTcpListener::bind((config.listen.ip(), 0))
        }
        bound => bound,
    };
    let listener = bound.map_err(|error| BindError::Address(config.listen, error))?;
    listener.set_nonblocking(true).map_err(|error| BindError::Address(config.listen, error))?;
    Ok(listener)
}

/// The first socket of the folder that no daemon listens on.
fn socket(folder: &Path, notices: &mut Vec<String>) -> Option<(StdUnixListener, SocketFile)> {
    let bind = || -> io::Result<Option<(StdUnixListener, SocketFile)>> {
        for path in sockets(folder) {
            match StdUnixStream::connect(&path) {
                Ok(_) => continue,
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                // Of a daemon that was killed.
                Err(_) => std::fs::remove_file(&path)?,
            }
            let listener = match StdUnixListener::bind(&path) {
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => continue,
                bound => bound?,
            };
            let file = SocketFile(path);
            std::fs::set_permissions(&file.0, std::fs::Permissions::from_mode(0o600))?;
            listener.set_nonblocking(true)?;
            return Ok(Some((listener, file)));
        }
        Ok(None)
    };
    match bind() {
        Ok(Some(bound)) => Some(bound),
        Ok(None) => {
            notices.push(format!("{MOST} daemons have sockets in {}: this one has none", folder.display()));
            None
        }
        Err(error) => {
            notices.push(format!("no socket in {}: {error}", folder.display()));
            None
        }
    }
}

async fn serve(
    tcp: Option<TcpListener>,
    unix: Option<(UnixListener, SocketFile)>,
    admin: Arc<Admin>,
    over: CancellationToken,
) {
    let graceful = GracefulShutdown::new();
    // Further connections wait in the queue of the system.
    let [tcp_room, unix_room] = [(); 2].map(|()| Arc::new(Semaphore::new(CONNECTIONS)));
    loop {
        let (admin, watcher) = (Arc::clone(&admin), graceful.watcher());
        tokio::select! {
            () = over.cancelled() => break,
            accepted = placed(&tcp_room, accept_tcp(tcp.as_ref())) => match accepted {
                Ok(((stream, peer), place)) => {
                    let _ = stream.set_nodelay(true);
                    tokio::spawn(async move {
                        served(stream, admin, Channel::Loopback(peer), watcher).await;
                        drop(place);
                    });
                }
                Err(error) => rest_after(&error).await,
            },
            accepted = placed(&unix_room, accept_unix(unix.as_ref().map(|(listener, _)| listener))) => match accepted {
                Ok((stream, place)) if is_ours(&stream) => {
                    tokio::spawn(async move {
                        served(stream, admin, Channel::Socket, watcher).await;
                        drop(place);
                    });
                }
                Ok(_) => tracing::warn!("a connection of another user to the socket of the admin API was closed"),
                Err(error) => rest_after(&error).await,
            },
        }
    }
    drop((tcp, unix));
    let _ = timeout(LAST_ANSWERS, graceful.shutdown()).await;
}

/// The next connection, once there is a place for it.
async fn placed<S>(
    room: &Arc<Semaphore>,
    accept: impl Future<Output = io::Result<S>>,
) -> io::Result<(S, OwnedSemaphorePermit)> {
    let place = Arc::clone(room).acquire_owned().await.map_err(io::Error::other)?;
    Ok((accept.await?, place))
}

async fn accept_tcp(listener: Option<&TcpListener>) -> io::Result<(tokio::net::TcpStream, std::net::SocketAddr)> {
    match listener {
        Some(listener) => listener.accept().await,
        None => pending().await,
    }
}

async fn accept_unix(listener: Option<&UnixListener>) -> io::Result<UnixStream> {
    match listener {
        Some(listener) => listener.accept().await.map(|(stream, _)| stream),
        None => pending().await,
    }
}

/// Whether the other end is this user, or root.
fn is_ours(stream: &UnixStream) -> bool {
    let own = nix::unistd::geteuid().as_raw();
    stream.peer_cred().is_ok_and(|peer| peer.uid() == own || peer.uid() == 0)
}

async fn rest_after(error: &io::Error) {
    tracing::warn!(%error, "accept of the admin API failed");
    tokio::time::sleep(BREATH).await;
}
