//! HTTP clients for one server: the proxy and the certificate authorities that its configuration names, and what is said of
//! errors of the connection.

mod causes;
pub mod proxy;
mod roots;

pub use causes::{causes, quote};
pub use roots::roots;
