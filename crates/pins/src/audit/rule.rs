//! The rules of the audit.

use serde::Serialize;

/// How much a finding should worry the operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing. Real tools have it.
    Low,
    /// To be looked at. A few real tools have it, for good reasons.
    Medium,
    /// Not to be expected of an honest tool.
    High,
}

macro_rules! rules {
    ($($(#[doc = $doc:literal])+ $name:ident $severity:ident $code:literal $means:literal),+ $(,)?) => {
        /// What the audit looks for.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Rule {
            $($(#[doc = $doc])+ $name),+
        }

        impl Rule {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// Its name for machines: stable.
            #[must_use]
            pub fn code(self) -> &'static str {
                match self {
                    $(Self::$name => $code),+
                }
            }

            /// What it means, as a sentence for people.
            #[must_use]
            pub fn meaning(self) -> &'static str {
                match self {
                    $(Self::$name => $means),+
                }
            }

            /// How much one finding of it should worry.
            #[must_use]
            pub fn severity(self) -> Severity {
                match self {
                    $(Self::$name => Severity::$severity),+
                }
            }
        }
    };
}

rules! {
    /// `changed-tool`
    ChangedTool High "changed-tool" "is not as it was pinned",
    /// `new-tool`
    NewTool Medium "new-tool" "came to a server whose pins are enforced, and nobody accepted it",
    /// `unpinned-tool`
    UnpinnedTool Medium "unpinned-tool" "cannot be pinned",
    /// `override`
    Override High "override" "tells the model to disregard its instructions",
    /// `conceal`
    Conceal High "conceal" "tells the model to keep something from the user",
    /// `first-call`
    FirstCall High "first-call" "demands to be called before whatever else the model does",
    /// `every-request`
    EveryRequest Medium "every-request" "demands to be called for every request",
    /// `secrets`
    Secrets High "secrets" "has the model read or pass on secrets",
    /// `secret-path`
    SecretPath Medium "secret-path" "names a file of secrets",
    /// `conversation`
    Conversation High "conversation" "asks for the conversation or the system prompt",
    /// `recipient`
    Recipient High "recipient" "has the model send something to an address of its own",
    /// `markup`
    Markup High "markup" "imitates the markup of a system prompt or of the conversation",
    /// `instead-of-tools`
    InsteadOfTools Medium "instead-of-tools" "tells the model not to use other tools",
    /// `hidden-comment`
    HiddenComment Medium "hidden-comment" "has a comment, which a person is not shown where text is rendered",
    /// `far-text`
    FarText Medium "far-text" "has text behind many blank lines or spaces, out of sight",
    /// `encoded-text`
    EncodedText Medium "encoded-text" "has a long text that is encoded",
    /// `long-text`
    LongText Low "long-text" "has a text of more than 20,000 characters",
    /// `tag-characters`
    TagCharacters High "tag-characters" "has Unicode tag characters, which models read and people do not see",
    /// `bidi-controls`
    BidiControls High "bidi-controls" "has characters that change the direction of text",
    /// `variation-selectors`
    VariationSelectors High "variation-selectors" "has a run of variation selectors, which can carry any text unseen",
    /// `zero-width`
    ZeroWidth Medium "zero-width" "has characters without a width",
    /// `control-characters`
    ControlCharacters High "control-characters" "has control characters",
    /// `names-other-tool`
    NamesOtherTool Medium "names-other-tool" "names a tool of another server",
    /// `directs-other-tool`
    DirectsOtherTool High "directs-other-tool" "tells the model when or how to use a tool of another server",
    /// `names-other-server`
    NamesOtherServer Medium "names-other-server" "names another server",
    /// `look-alike-name`
    LookAlikeName High "look-alike-name" "has a name that looks like another one and is not",
    /// `similar-name`
    SimilarName Low "similar-name" "has a name that differs from another one in case, separators or a digit alone",
    /// `mixed-script-name`
    MixedScriptName High "mixed-script-name" "has a name with letters of several alphabets",
    /// `same-name`
    SameName Low "same-name" "has the name of a tool of another server",
    /// `gateway-name`
    GatewayName Medium "gateway-name" "has the name of one of the gateway's own tools",
    /// `omitted`
    Omitted Medium "omitted" "is left out of the list, because it cannot be used or shown",
}
