//! Checkpoints: the size and root of the tree in a note that is signed with Ed25519, in the formats of C2SP.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD as BASE64;
use signed_note::{Note, Signer as _, StandardSigner, StandardVerifier, Verifier as _, VerifierList};
use tlog_tiles::Checkpoint;

use super::TreeHead;
use crate::hex;
use crate::wire::malformed;
use crate::{JournalError, JournalErrorKind};

/// How a signature with Ed25519 is numbered in keys of signed notes.
const ED25519: u8 = 1;

/// The key that signs the checkpoints of one journal. Its name is the journal's: the origin of its checkpoints.
pub(crate) struct SigningKey {
    signer: StandardSigner,
    secret: String,
    public: String,
}

/// The public key of a journal.
pub(crate) struct VerifyKey {
    name: String,
    verifiers: VerifierList,
}

impl SigningKey {
    /// A new key, and a name that no other journal has.
    ///
    /// # Errors
    ///
    /// The system gives no randomness.
    pub(crate) fn generate() -> Result<Self, JournalError> {
        let mut random = [0; 40];
        getrandom::fill(&mut random).map_err(|error| unavailable(error.to_string()))?;
        let (seed, id) = random.split_first_chunk::<32>().ok_or_else(|| unavailable("no key".to_owned()))?;
        let name = format!("exuvia/journal/{}", hex::encode(id));
        let verifying = ed25519_dalek::SigningKey::from_bytes(seed).verifying_key();
        let public_id = signed_note::key_id(&name, &[&[ED25519], verifying.as_bytes().as_slice()].concat());
        let secret = BASE64.encode([&[ED25519], seed.as_slice()].concat());
        Self::parse(&format!("PRIVATE+KEY+{name}+{public_id:08x}+{secret}"))
    }

    /// Reads a key from its text.
    ///
    /// # Errors
    ///
    /// The text is no key.
    pub(crate) fn parse(text: &str) -> Result<Self, JournalError> {
        let secret = text.trim();
        let signer = StandardSigner::new(secret).map_err(|_| malformed("the signing key is malformed"))?;
        let public = public_key(secret).ok_or_else(|| malformed("the signing key is malformed"))?;
        Ok(Self { signer, secret: secret.to_owned(), public })
    }

    /// The text of the private key.
    pub(crate) fn secret(&self) -> &str {
        &self.secret
    }

    /// The text of the public key: a `vkey` of C2SP.
    pub(crate) fn public(&self) -> &str {
        &self.public
    }

    /// A signed checkpoint.
    ///
    /// # Errors
    ///
    /// The key cannot sign.
    pub(crate) fn sign(&self, tree: TreeHead) -> Result<Vec<u8>, JournalError> {
        let refused = |error: signed_note::NoteError| unavailable(error.to_string());
        let checkpoint =
            Checkpoint::new(self.signer.name(), tree.size, tree.root, "").map_err(|e| unavailable(e.to_string()))?;
        let mut note = Note::new(&checkpoint.to_bytes(), &[]).map_err(refused)?;
        note.add_sigs(&[&self.signer]).map_err(refused)?;
        Ok(note.to_bytes())
    }
}

fn public_key(secret: &str) -> Option<String> {
    // Base64 has the character that the parts are separated by.
    let mut parts = secret.splitn(5, '+').skip(2);
    let (name, key) = (parts.next()?, parts.nth(1)?);
    let seed: [u8; 32] = BASE64.decode(key).ok()?.get(1..)?.try_into().ok()?;
    let verifying = ed25519_dalek::SigningKey::from_bytes(&seed).verifying_key();
    Some(signed_note::new_ed25519_verifier_key(name, &verifying))
}

impl VerifyKey {
    /// Reads a public key from its text, a `vkey` of C2SP.
    ///
    /// # Errors
    ///
    /// The text is no public key.
    pub(crate) fn parse(text: &str) -> Result<Self, JournalError> {
        let verifier =
            StandardVerifier::new(text.trim()).map_err(|error| malformed(format!("the public key: {error}")))?;
        let name = verifier.name().to_owned();
        Ok(Self { name, verifiers: VerifierList::new(vec![Box::new(verifier)]) })
    }

    /// The journal that the key is of.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// What a checkpoint says. Cosignatures of witnesses are not checked.
    ///
    /// # Errors
    ///
    /// The key has not signed it, or it is of another journal, or malformed.
    pub(crate) fn open(&self, checkpoint: &[u8]) -> Result<TreeHead, JournalError> {
        let refused = |error: signed_note::NoteError| inconsistent(format!("a checkpoint: {error}"));
        let note = Note::from_bytes(checkpoint).map_err(refused)?;
        note.verify(&self.verifiers).map_err(refused)?;
        let read = Checkpoint::from_bytes(note.text()).map_err(|error| inconsistent(error.to_string()))?;
        if read.origin() != self.name {
            return Err(inconsistent(format!("a checkpoint is of `{}`, the key of `{}`", read.origin(), self.name)));
        }
        Ok(TreeHead { size: read.size(), root: *read.hash() })
    }
}

fn unavailable(cause: String) -> JournalError {
    JournalError::new(JournalErrorKind::Unavailable).caused_by(cause)
}

fn inconsistent(cause: String) -> JournalError {
    JournalError::new(JournalErrorKind::Inconsistent).caused_by(cause)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::Edge;

    #[test]
    fn a_checkpoint_is_opened_by_the_public_key_of_its_journal_alone() {
        let (key, other) = (SigningKey::generate().expect("key"), SigningKey::generate().expect("key"));
        let tree = Edge::default().head().expect("root");
        let note = key.sign(tree).expect("signed");
        let open = |vkey: &str, note: &[u8]| VerifyKey::parse(vkey).expect("key").open(note);
        assert_eq!(open(key.public(), &note).expect("opened"), tree);
        assert!(open(other.public(), &note).is_err());
        assert_eq!(SigningKey::parse(key.secret()).expect("key").public(), key.public());
    }

    #[test]
    fn any_generated_key_is_read_again() {
        for _ in 0..200 {
            let key = SigningKey::generate().expect("key");
            assert_eq!(SigningKey::parse(key.secret()).expect("key").public(), key.public());
        }
    }

    #[test]
    fn every_changed_byte_of_a_checkpoint_is_found() {
        let key = SigningKey::generate().expect("key");
        let mut edge = Edge::default();
        edge.append(b"record");
        let (tree, public) = (edge.head().expect("root"), VerifyKey::parse(key.public()).expect("key"));
        let note = key.sign(tree).expect("signed");
        for at in 0..note.len() {
            let mut changed = note.clone();
            changed[at] ^= 1;
            assert!(public.open(&changed).is_err(), "byte {at}");
        }
    }
}
