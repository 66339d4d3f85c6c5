//! The compiled guest, embedded in the program.

/// Bytes from the beginning of a page on, for pages of 4 KiB, or on other processors than x86-64 up to 64 KiB.
#[cfg_attr(target_arch = "x86_64", repr(C, align(0x1000)))]
#[cfg_attr(not(target_arch = "x86_64"), repr(C, align(0x10000)))]
struct Pages<B: ?Sized>(B);

/// Native code made by the build script from the guest component, with `precompile_component`.
pub(crate) static CODE: &[u8] = {
    static BYTES: &Pages<[u8]> = &Pages(*include_bytes!(concat!(env!("OUT_DIR"), "/guest.cwasm")));
    &BYTES.0
};

/// The guest's memory as it begins.
#[cfg(target_os = "linux")]
pub(crate) static IMAGE: &[u8] = {
    static BYTES: &Pages<[u8]> = &Pages(*include_bytes!(concat!(env!("OUT_DIR"), "/guest.image")));
    &BYTES.0
};

/// The guest component itself, compressed by zstd. About 12 MB, of which no page is read before it is used: whoever keeps it beside
/// the records of runs can make those again when the program has another guest ([`Guest::compile`](crate::Guest::compile)).
pub static GUEST_COMPONENT: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/guest.wasm.zst"));

/// The SHA-256 of the guest component, in hexadecimal. Names the artifact in records: fuel is only comparable between
/// runs of one artifact.
pub const GUEST_DIGEST: &str = env!("EXUVIA_GUEST_DIGEST");
