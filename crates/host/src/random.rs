//! `wasi:random` over a run's [`RunIo`](exuvia_tool::RunIo).

use wasmtime::{Result, bail};
use wasmtime_wasi::p2::bindings::random::{insecure, insecure_seed, random};

use crate::Sandbox;

/// The most randomness that one call may ask for, in bytes. CPython asks for 2,496 at a time to seed `random`.
const RANDOM_BYTES: u64 = 1 << 20;

impl Sandbox {
    fn random_array<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.io.fill_random(&mut bytes);
        bytes
    }

    fn random_bytes(&mut self, len: u64) -> Result<Vec<u8>> {
        if len > RANDOM_BYTES {
            bail!("{len} random bytes asked for at once, the limit is {RANDOM_BYTES}");
        }
        let mut bytes = vec![0; len as usize];
        self.io.fill_random(&mut bytes);
        Ok(bytes)
    }
}

impl random::Host for Sandbox {
    fn get_random_bytes(&mut self, len: u64) -> Result<Vec<u8>> {
        self.random_bytes(len)
    }

    fn get_random_u64(&mut self) -> Result<u64> {
        Ok(u64::from_le_bytes(self.random_array()))
    }
}

impl insecure::Host for Sandbox {
    fn get_insecure_random_bytes(&mut self, len: u64) -> Result<Vec<u8>> {
        self.random_bytes(len)
    }

    fn get_insecure_random_u64(&mut self) -> Result<u64> {
        Ok(u64::from_le_bytes(self.random_array()))
    }
}

impl insecure_seed::Host for Sandbox {
    fn insecure_seed(&mut self) -> Result<(u64, u64)> {
        Ok((u64::from_le_bytes(self.random_array()), u64::from_le_bytes(self.random_array())))
    }
}
