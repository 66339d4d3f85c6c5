//! Listens for list changes at a server of the modern era. A server of the legacy era sends them unasked.

use std::sync::Arc;
use std::time::Duration;

use rmcp::model::{
    ClientRequest, GetExtensions, SubscriptionFilter, SubscriptionsListenRequest, SubscriptionsListenRequestParams,
};
use rmcp::service::{Peer, PeerRequestOptions, RoleClient};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::exchange::{RequestKind, ServerAnswer, Slot};

/// The pause before the server is asked again, after its first answer; it doubles with every further one.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The longest such pause. A stream that lasted longer resets it.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Asks for as long as the connection lasts.
///
/// rmcp's own `listen` wants to see the notifications; here they end in the [`Reader`](crate::reader::Reader), on whichever
/// stream they come, and the request only has to stay open.
pub(crate) async fn listen(peer: Peer<RoleClient>, list_changed: Arc<Notify>) {
    let mut pause = FIRST_PAUSE;
    loop {
        let filter = SubscriptionFilter::builder().tools_list_changed().build();
        let request = SubscriptionsListenRequest::new(SubscriptionsListenRequestParams::new(filter));
        let mut request = ClientRequest::SubscriptionsListenRequest(request);
        let slot = Slot::new(RequestKind::Listen);
        request.extensions_mut().insert(slot.clone());
        let begun = Instant::now();
        let Ok(handle) = peer.send_cancellable_request(request, PeerRequestOptions::no_options()).await else { return };
        let _ = handle.rx.await;
        if let Some(ServerAnswer::Error { code, .. }) = slot.take().answer {
            tracing::debug!(code, "the server does not announce changes of its tools");
            return;
        }
        if begun.elapsed() > LONGEST_PAUSE {
            pause = FIRST_PAUSE;
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
        // Nobody listened for a while.
        list_changed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader};
    use std::process::{Command, Stdio};

    use exuvia_config::{Http, ServerConfig, Transport, UpstreamLimits};
    use exuvia_tool::Arguments;

    use super::*;
    use crate::connection::Connection;
    use crate::stdio::Reaper;

    /// Whether a change of the list is notified.
    #[expect(clippy::disallowed_methods, reason = "connections are what is tested")]
    async fn hears(config: ServerConfig) -> bool {
        let (limits, reaper) = (UpstreamLimits::default(), Arc::new(Reaper::new()));
        let authorization = crate::http::authorization(&config, &reaper);
        let connection =
            Connection::open(&config, limits, &reaper, &authorization, Arc::new(()), None, &Arc::default())
                .await
                .unwrap();
        let within = |time| tokio::time::timeout(Duration::from_millis(time), connection.list_changed());
        assert!(within(300).await.is_err(), "nothing has changed yet");
        connection.call("change".to_owned(), Arguments::parse("{}").unwrap()).await.unwrap();
        let heard = within(5000).await.is_ok();
        connection.close().await;
        heard
    }

    #[tokio::test]
    async fn a_changed_list_is_noticed_in_every_form() {
        let program = exuvia_fake_upstream::program();
        for era in ["modern", "legacy"] {
            let args = ["--changes", "--era", era].map(str::to_owned);
            assert!(hears(ServerConfig::stdio("fake", program.to_str().unwrap(), args, &|_| None)).await, "{era}");
        }
        for args in [&["--era", "modern"][..], &["--era", "legacy"], &["--sse", "--era", "legacy"]] {
            let mut command = Command::new(&program);
            let mut served = command.args(["--http", "--changes"]).args(args).stdout(Stdio::piped()).spawn().unwrap();
            let mut url = String::new();
            BufReader::new(served.stdout.take().unwrap()).read_line(&mut url).unwrap();
            let config = ServerConfig::new("fake", Transport::Http(Http::new(url.trim().parse().unwrap())));
            let heard = hears(config).await;
            served.kill().unwrap();
            served.wait().unwrap();
            assert!(heard, "{args:?}");
        }
    }
}
