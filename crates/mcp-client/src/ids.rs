//! Request ids, numbered from 1.
//!
//! rmcp begins with 0, for requests and for their progress. Servers that ask whether there is an id by whether it is true take the
//! first request, `server/discover` or `initialize`, for a notification: the first costs 10 s at each start, the second the server.

use rmcp::model::{
    ClientNotification, GetMeta as _, JsonRpcMessage, NumberOrString, ProgressToken, RequestId, ServerJsonRpcMessage,
};
use rmcp::service::{RoleClient, RxJsonRpcMessage, TxJsonRpcMessage};
use rmcp::transport::Transport;

/// A transport over which requests have other numbers than rmcp gives them.
pub(crate) struct FromOne<T>(pub(crate) T);

/// The number by which a server knows the request that rmcp has numbered so.
pub(crate) fn wire_id(id: &RequestId) -> Option<i64> {
    if let RequestId::Number(id) = id { Some(id.saturating_add(1)) } else { None }
}

fn renumber(id: &mut RequestId) {
    if let RequestId::Number(id) = id {
        *id = id.saturating_add(1);
    }
}

fn outgoing(message: &mut TxJsonRpcMessage<RoleClient>) {
    match message {
        JsonRpcMessage::Request(request) => {
            renumber(&mut request.id);
            if let Some(ProgressToken(NumberOrString::Number(token))) = request.request.get_meta().get_progress_token()
            {
                let token = ProgressToken(NumberOrString::Number(token.saturating_add(1)));
                request.request.get_meta_mut().set_progress_token(token);
            }
        }
        JsonRpcMessage::Notification(notification) => {
            if let ClientNotification::CancelledNotification(cancelled) = &mut notification.notification {
                cancelled.params.request_id.iter_mut().for_each(renumber);
            }
        }
        _ => {}
    }
}

fn incoming(message: &mut ServerJsonRpcMessage) {
    let id = match message {
        JsonRpcMessage::Response(response) => Some(&mut response.id),
        JsonRpcMessage::Error(error) => error.id.as_mut(),
        _ => None,
    };
    let Some(id) = id else { return };
    let number = match id {
        RequestId::Number(number) => Some(*number),
        // Some servers give it back as a text.
        RequestId::String(text) => text.parse().ok(),
    };
    if let Some(number) = number {
        *id = RequestId::Number(number.saturating_sub(1));
    }
}

impl<T: Transport<RoleClient>> Transport<RoleClient> for FromOne<T> {
    type Error = T::Error;

    fn send(
        &mut self,
        mut item: TxJsonRpcMessage<RoleClient>,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send + 'static {
        outgoing(&mut item);
        self.0.send(item)
    }

    async fn receive(&mut self) -> Option<RxJsonRpcMessage<RoleClient>> {
        let mut message = self.0.receive().await?;
        incoming(&mut message);
        Some(message)
    }

    async fn close(&mut self) -> Result<(), Self::Error> {
        self.0.close().await
    }
}

#[cfg(test)]
mod tests {
    use rmcp::model::{
        CancelledNotification, CancelledNotificationParam, ClientJsonRpcMessage, ClientRequest, PingRequest,
        ServerResult,
    };

    use super::*;

    #[test]
    fn the_first_request_has_an_id_that_is_true() {
        let mut ping = ClientRequest::PingRequest(PingRequest::default());
        ping.get_meta_mut().set_progress_token(ProgressToken(NumberOrString::Number(0)));
        let mut message = ClientJsonRpcMessage::request(ping, RequestId::Number(0));
        outgoing(&mut message);
        let text = serde_json::to_string(&message).unwrap();
        assert!(text.contains(r#""id":1"#) && text.contains(r#""progressToken":1"#), "{text}");
        let cancelled = CancelledNotification::new(CancelledNotificationParam::new(Some(RequestId::Number(0)), None));
        let mut message = ClientJsonRpcMessage::notification(ClientNotification::CancelledNotification(cancelled));
        outgoing(&mut message);
        assert!(serde_json::to_string(&message).unwrap().contains(r#""requestId":1"#));
        assert_eq!(wire_id(&RequestId::Number(0)), Some(1));
    }

    #[test]
    fn answers_come_back_under_the_first_number() {
        for id in [RequestId::Number(1), RequestId::String("1".into())] {
            let mut message = ServerJsonRpcMessage::response(ServerResult::empty(()), id);
            incoming(&mut message);
            let JsonRpcMessage::Response(response) = message else { panic!("{message:?}") };
            assert_eq!(response.id, RequestId::Number(0));
        }
    }
}
