//! The command line.

/// How the server starts, lists and ends.
#[derive(Debug, Default)]
pub struct Options {
    /// `--era legacy|modern|both`: which protocols it answers. Both by default.
    pub era: String,
    /// `--true-ids`: takes requests whose id is 0 for notifications.
    pub true_ids: bool,
    /// `--hang-at start|discover|initialize|list|end`: never answers that; `end` is the end of a session over HTTP.
    pub hang_at: Option<String>,
    /// `--exit-at start|discover|initialize|list`: ends there, with the code 3.
    pub exit_at: Option<String>,
    /// `--crash-every N`: ends in every Nth call of the process. Over HTTP it comes back at once: the connection breaks off
    /// and all sessions are forgotten.
    pub crash_every: Option<u64>,
    /// `--pages N`: the tool list has this many pages, the first with the usual tools. 0: it never ends.
    pub pages: Option<u64>,
    /// `--cursor TEXT`: every page of the tool list has this cursor; all are the first, unless there are several `--pages`.
    pub cursor: Option<String>,
    /// `--tools FILE`: the list has the tools of this file (an array, or `{"tools": [..]}`), as they are.
    pub tools: Option<String>,
    /// `--raw-list FILE`: answers `tools/list` with the text of this file, `$ID` replaced by the request's id.
    pub raw_list: Option<String>,
    /// `--answers FILE`: calls of these tools get these results; the file maps names of tools to results.
    pub answers: Option<String>,
    /// `--contract FILE`: calls are answered as this file expects them, see `contract.rs`.
    pub contract: Option<String>,
    /// `--results FILE`: requests of these methods get these results; the file maps methods to results.
    pub results: Option<String>,
    /// `--results-after MS`: waits that long before it gives one of those.
    pub results_after: Option<u64>,
    /// `--record FILE`: appends each `tools/call` to this file, as it was received, a line each.
    pub record: Option<String>,
    /// `--malformed`: the tool list also holds tools that are none.
    pub malformed: bool,
    /// `--garbage`: writes a banner to stdout first, and invalid UTF-8.
    pub garbage: bool,
    /// `--mark`: writes a byte order mark before each answer.
    pub mark: bool,
    /// `--stderr TEXT`: writes this to stderr at the start.
    pub stderr: Option<String>,
    /// `--child`: starts a child of its own that never ends by itself and ignores SIGTERM.
    pub child: bool,
    /// `--stay`: does not end when its input closes.
    pub stay: bool,
    /// `--changes`: says that its list of tools may change.
    pub changes: bool,
    /// `--change-every MS`: changes it that often.
    pub change_every: Option<u64>,
    /// `--subscribe`: tells of changes of its resources.
    pub subscribe: bool,
    /// `--http`: listens on a port of loopback and writes its address to stdout, a line.
    pub http: bool,
    /// `--sse`: speaks HTTP+SSE instead of Streamable HTTP.
    pub sse: bool,
    /// `--json`: answers with JSON bodies instead of streams of events.
    pub json: bool,
    /// `--no-session`: gives no session in the older protocol.
    pub no_session: bool,
    /// `--cookie TEXT`: sets this cookie with each session, and knows no session without it.
    pub cookie: Option<String>,
    /// `--forget-every N`: forgets all sessions before every Nth call.
    pub forget_every: Option<u64>,
    /// `--lost-session STATUS=BODY`: answers so in a session that it does not know, `$ID` replaced by the request's id; else 404.
    pub lost_session: Option<(u16, String)>,
    /// `--redirect TO`: what is asked of `/mcp` is to be found there, with `--redirect-status N` (307).
    pub redirect: Option<String>,
    /// See `redirect`.
    pub redirect_status: u16,
    /// `--refuse METHOD=STATUS`: answers requests of this method (of MCP, or `GET`) with this status.
    pub refuse: Option<(String, u16)>,
    /// `--retry-after TEXT`: says so with such a status.
    pub retry_after: Option<String>,
    /// `--token-file FILE`: asks for the token that is in this file.
    pub token_file: Option<String>,
}

impl Options {
    /// Reads arguments.
    ///
    /// # Errors
    ///
    /// An argument is unknown or lacks its value.
    pub fn parse(args: impl IntoIterator<Item = String>) -> Result<Self, String> {
        let mut options = Self { era: "both".to_owned(), redirect_status: 307, ..Self::default() };
        let mut args = args.into_iter();
        while let Some(arg) = args.next() {
            let mut value = || args.next().ok_or(format!("{arg} needs a value"));
            match arg.as_str() {
                "--era" => options.era = value()?,
                "--hang-at" => options.hang_at = Some(value()?),
                "--exit-at" => options.exit_at = Some(value()?),
                "--crash-every" => options.crash_every = Some(number(&value()?)?),
                "--pages" => options.pages = Some(number(&value()?)?),
                "--cursor" => options.cursor = Some(value()?),
                "--tools" => options.tools = Some(value()?),
                "--raw-list" => options.raw_list = Some(value()?),
                "--answers" => options.answers = Some(value()?),
                "--contract" => options.contract = Some(value()?),
                "--results" => options.results = Some(value()?),
                "--results-after" => options.results_after = Some(number(&value()?)?),
                "--record" => options.record = Some(value()?),
                "--stderr" => options.stderr = Some(value()?),
                "--malformed" => options.malformed = true,
                "--garbage" => options.garbage = true,
                "--true-ids" => options.true_ids = true,
                "--mark" => options.mark = true,
                "--child" => options.child = true,
                "--stay" => options.stay = true,
                "--changes" => options.changes = true,
                "--change-every" => options.change_every = Some(number(&value()?)?),
                "--subscribe" => options.subscribe = true,
                "--http" => options.http = true,
                "--sse" => options.sse = true,
                "--json" => options.json = true,
                "--no-session" => options.no_session = true,
                "--cookie" => options.cookie = Some(value()?),
                "--forget-every" => options.forget_every = Some(number(&value()?)?),
                "--lost-session" => options.lost_session = Some(loss(&value()?)?),
                "--redirect" => options.redirect = Some(value()?),
                "--redirect-status" => options.redirect_status = number(&value()?)?,
                "--refuse" => options.refuse = Some(refusal(&value()?)?),
                "--retry-after" => options.retry_after = Some(value()?),
                "--token-file" => options.token_file = Some(value()?),
                _ => return Err(format!("unknown argument {arg}")),
            }
        }
        Ok(options)
    }

    /// Whether the server stops answering, or ends, at this point.
    pub(crate) fn at(&self, point: &str) -> Option<Stop> {
        if self.hang_at.as_deref() == Some(point) {
            Some(Stop::Hang)
        } else {
            (self.exit_at.as_deref() == Some(point)).then_some(Stop::Exit)
        }
    }

    /// Whether the server says that its list of tools may change.
    pub(crate) fn announces_changes(&self) -> bool {
        self.changes || self.change_every.is_some()
    }
}

fn number<N: std::str::FromStr>(text: &str) -> Result<N, String> {
    text.parse().map_err(|_| format!("{text} is no number"))
}

fn refusal(text: &str) -> Result<(String, u16), String> {
    let (method, status) = text.split_once('=').ok_or(format!("{text} is not METHOD=STATUS"))?;
    Ok((method.to_owned(), number(status)?))
}

fn loss(text: &str) -> Result<(u16, String), String> {
    let (status, body) = text.split_once('=').ok_or(format!("{text} is not STATUS=BODY"))?;
    Ok((number(status)?, body.to_owned()))
}

/// How the server fails to go on.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    Hang,
    Exit,
}
