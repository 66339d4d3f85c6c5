//! Tokens whose signatures were verified, by their hashes: a client sends the same one with each request.

use std::collections::{HashMap, VecDeque};
use std::sync::Mutex;

use exuvia_tool::locked;
use sha2::{Digest as _, Sha256};

use super::token::ValidToken;

/// What the remembered tokens may take together, in bytes: about 10,000 of the usual length.
const BYTES: usize = 16 << 20;
/// What one takes beside its claims.
const OWN_BYTES: usize = 512;
/// How much longer the tree of its claims is than the token, at most about.
const TREE: usize = 4;

/// The SHA-256 of a token's text: whoever sees a hash has no token, and nobody can choose where theirs lands.
pub(super) type TokenHash = [u8; 32];

/// The hash of a token.
pub(super) fn hash(token: &str) -> TokenHash {
    Sha256::digest(token).into()
}

/// The tokens that were verified last. Beyond the bound the oldest are forgotten, which costs no more than verifying them again.
#[derive(Default)]
pub(super) struct VerifiedTokens {
    tokens: Mutex<Tokens>,
}

#[derive(Default)]
struct Tokens {
    by_hash: HashMap<TokenHash, ValidToken>,
    /// In the order in which they came, with what they take. One that was taken out is still here.
    order: VecDeque<(TokenHash, usize)>,
    bytes: usize,
}

impl VerifiedTokens {
    pub(super) fn get(&self, hash: &TokenHash) -> Option<ValidToken> {
        locked(&self.tokens).by_hash.get(hash).cloned()
    }

    /// Takes out one that is not valid any more.
    pub(super) fn forget(&self, hash: &TokenHash) {
        locked(&self.tokens).by_hash.remove(hash);
    }

    /// Remembers a token of this length.
    pub(super) fn insert(&self, hash: TokenHash, length: usize, token: ValidToken) {
        let bytes = OWN_BYTES + TREE * length;
        let mut tokens = locked(&self.tokens);
        if tokens.by_hash.insert(hash, token).is_none() {
            tokens.order.push_back((hash, bytes));
            tokens.bytes += bytes;
        }
        while tokens.bytes > BYTES {
            let Some((oldest, bytes)) = tokens.order.pop_front() else { break };
            tokens.by_hash.remove(&oldest);
            tokens.bytes -= bytes;
        }
    }
}
