//! The Python guest of Exuvia.
#![doc = ""]
/// The component.
pub static COMPONENT: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/guest.wasm"));
