//! Readings as they are written.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD_NO_PAD as BASE64;
use exuvia_tool::CallId;
use serde::{Deserialize, Serialize};

use super::call_error::WireCallError;
use super::files::WireFileAnswer;
use super::head::malformed;
use super::time::time;
use crate::{Cut, JournalError, Reading};

/// One reading. Times are seconds and nanoseconds, bytes are base64 without padding.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum WireReading {
    Wall(u64, u32),
    Monotonic(u64, u32),
    Random(String),
    Delivered(Vec<u64>),
    Failed(u64, WireCallError),
    Found(String),
    File(String, WireFileAnswer),
    /// From version 5 on: a request, and the SHA-256 and the number of the bytes that were read.
    Block(String, String, u64),
    /// From version 5 on.
    Cut(WireCut),
}

/// Why nothing more is recorded.
#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum WireCut {
    Files,
    Readings,
    Journal,
}

impl TryFrom<&Reading> for WireReading {
    type Error = JournalError;

    fn try_from(reading: &Reading) -> Result<Self, JournalError> {
        let block = reading.file_block().map(|(sha256, bytes)| (sha256, bytes.len() as u64));
        Ok(match reading {
            Reading::WallClock(time) => Self::Wall(time.as_secs(), time.subsec_nanos()),
            Reading::MonotonicClock(time) => Self::Monotonic(time.as_secs(), time.subsec_nanos()),
            Reading::Random(bytes) => Self::Random(BASE64.encode(bytes)),
            Reading::Delivered(calls) => Self::Delivered(calls.iter().map(|id| id.0).collect()),
            Reading::Failed(call, error) => Self::Failed(call.0, error.try_into()?),
            Reading::Found(text) => Self::Found(text.clone()),
            Reading::File { asked, answer } => match block {
                Some((sha256, bytes)) => Self::Block(BASE64.encode(asked), BASE64.encode(sha256), bytes),
                None => Self::File(BASE64.encode(asked), answer.into()),
            },
            Reading::FileBlock { asked, sha256, bytes } => {
                Self::Block(BASE64.encode(asked), BASE64.encode(sha256), *bytes)
            }
            Reading::Cut(cut) => Self::Cut(match cut {
                Cut::Files => WireCut::Files,
                Cut::Readings => WireCut::Readings,
                Cut::Journal => WireCut::Journal,
            }),
        })
    }
}

impl WireReading {
    pub(super) fn read(self) -> Result<Reading, JournalError> {
        Ok(match self {
            Self::Wall(seconds, nanos) => Reading::WallClock(time(seconds, nanos)?),
            Self::Monotonic(seconds, nanos) => Reading::MonotonicClock(time(seconds, nanos)?),
            Self::Random(text) => Reading::Random(BASE64.decode(text).map_err(malformed)?),
            Self::Delivered(calls) => Reading::Delivered(calls.into_iter().map(CallId).collect()),
            Self::Failed(call, error) => Reading::Failed(CallId(call), error.read()?),
            Self::Found(text) => Reading::Found(text),
            Self::File(asked, answer) => Reading::File { asked: digest(&asked)?, answer: answer.read()? },
            Self::Block(asked, sha256, bytes) => {
                Reading::FileBlock { asked: digest(&asked)?, sha256: digest(&sha256)?, bytes }
            }
            Self::Cut(cut) => Reading::Cut(match cut {
                WireCut::Files => Cut::Files,
                WireCut::Readings => Cut::Readings,
                WireCut::Journal => Cut::Journal,
            }),
        })
    }
}

fn digest<const N: usize>(text: &str) -> Result<[u8; N], JournalError> {
    let bytes = BASE64.decode(text).map_err(malformed)?;
    bytes.try_into().map_err(|_| malformed(format!("a digest has {N} bytes")))
}
