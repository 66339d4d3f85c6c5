//! Requests.

use std::io::Read;
use std::net::TcpStream;

/// One request, whole.
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) target: String,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    /// The first header of this name.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    /// The target without its query.
    pub(crate) fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }
}

/// Reads the next request. `unread` holds what came after the last one.
pub(crate) fn read(stream: &mut TcpStream, unread: &mut Vec<u8>) -> Option<Request> {
    let _ = stream.set_read_timeout(None);
    loop {
        if let Some((mut request, head_bytes)) = head(unread)? {
            let length = request.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
            while unread.len() < head_bytes + length {
                more(stream, unread)?;
            }
            request.body = unread[head_bytes..head_bytes + length].to_vec();
            unread.drain(..head_bytes + length);
            return Some(request);
        }
        more(stream, unread)?;
    }
}

fn more(stream: &mut TcpStream, unread: &mut Vec<u8>) -> Option<()> {
    let mut part = vec![0; 64 * 1024];
    let bytes = stream.read(&mut part).ok().filter(|&bytes| bytes > 0)?;
    unread.extend_from_slice(&part[..bytes]);
    Some(())
}

/// `None` for what is no request, `Some(None)` for what is not yet one.
fn head(bytes: &[u8]) -> Option<Option<(Request, usize)>> {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut parsed = httparse::Request::new(&mut headers);
    let httparse::Status::Complete(head_bytes) = parsed.parse(bytes).ok()? else { return Some(None) };
    let headers = parsed
        .headers
        .iter()
        .map(|header| (header.name.to_ascii_lowercase(), String::from_utf8_lossy(header.value).into_owned()));
    let request = Request {
        method: parsed.method?.to_owned(),
        target: parsed.path?.to_owned(),
        headers: headers.collect(),
        body: Vec::new(),
    };
    Some(Some((request, head_bytes)))
}
