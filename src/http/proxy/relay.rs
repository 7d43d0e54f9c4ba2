//! The body of an upstream's reply on its way to the client, and the audit log's line at its end.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::body::{Bytes, HttpBody};
use hyper::body::{Frame, Incoming, SizeHint};

use super::counts::ProxyResult;
use super::replay::SentBody;
use crate::contract::{AuditEvent, AuditLine, ErrorCode};
use crate::http::activity::LentPlaces;
use crate::http::audited;
use crate::http::gate::caller::Caller;
use crate::http::state::Http;
use crate::http::waiting::WaitingPlace;
use crate::provider::upstream::{Lease, broke_off};

/// A request that is being forwarded. When this is dropped, the audit log has its end.
pub(super) struct Exchange {
    http: Http,
    caller: Caller,
    account: String,
    /// The audit log's, for the end; `None`: it writes no lines.
    line: Option<Box<AuditLine>>,
    sent: Option<Arc<SentBody>>,
    received: u64,
    status: Option<u16>,
    by_us: bool,
    end: ExchangeEnd,
    _place: WaitingPlace,
    _lent: Option<LentPlaces>,
}

/// How an exchange ended.
enum ExchangeEnd {
    /// Nobody has said yet, so the client left.
    Open,
    /// The reply was passed on to its end, or the daemon answered.
    Whole,
    /// The upstream broke off.
    Broken(String),
}

impl Exchange {
    /// Writes down that the request is forwarded: before its first byte is.
    pub(super) async fn begin(
        http: &Http,
        caller: &Caller,
        account: &str,
        (method, path): (String, String),
        (place, lent): (WaitingPlace, Option<LentPlaces>),
    ) -> Self {
        let line = audited::first_line(http, caller, AuditEvent::Proxy, account, |line| {
            (line.method, line.path) = (Some(method), Some(path));
        });
        Self {
            line: line.await,
            http: http.clone(),
            caller: caller.clone(),
            account: account.to_owned(),
            sent: None,
            received: 0,
            status: None,
            by_us: false,
            end: ExchangeEnd::Open,
            _place: place,
            _lent: lent,
        }
    }

    /// The request's body is on its way.
    pub(super) fn sends(&mut self, body: &Arc<SentBody>) {
        self.sent = Some(Arc::clone(body));
    }

    /// The client gets this status from the upstream, and the body is on its way.
    pub(super) fn passed_on(&mut self, status: u16) {
        self.status = Some(status);
    }

    /// The client gets this status from us, unless its own upload broke off.
    pub(super) fn answered(&mut self, status: u16) {
        (self.status, self.by_us) = (Some(status), true);
        if !self.is_upload_broken() {
            self.end = ExchangeEnd::Whole;
        }
    }

    fn is_upload_broken(&self) -> bool {
        self.sent.as_ref().is_some_and(|body| body.is_broken())
    }

    fn result(&self) -> ProxyResult {
        match &self.end {
            ExchangeEnd::Open => ProxyResult::Canceled,
            // The upstream's connection broke with it.
            ExchangeEnd::Broken(_) if self.is_upload_broken() => ProxyResult::Canceled,
            ExchangeEnd::Broken(_) => ProxyResult::BrokenOff,
            ExchangeEnd::Whole if self.by_us => ProxyResult::Failed,
            ExchangeEnd::Whole => ProxyResult::of_status(self.status.unwrap_or_default()),
        }
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        let sent = self.sent.as_ref().map_or(0, |body| body.bytes());
        let result = self.result();
        self.http.proxy.counts.forwarded(&self.caller, &self.account, result, (sent, self.received));
        let Some(line) = self.line.take() else { return };
        let noted = audited::last_line(&self.http, line, |line| {
            line.status = self.status;
            line.sent = self.sent.as_ref().map(|body| body.bytes());
            line.received = Some(self.received);
            if result == ProxyResult::Canceled {
                line.reason = Some("the client left before the end".into());
            } else if let ExchangeEnd::Broken(why) = &self.end {
                line.result = ErrorCode::UpstreamFailed.row().name.into();
                line.reason = Some(format!("the upstream broke off: {why}"));
            }
        });
        // Full only while the disk is stuck.
        if !noted {
            tracing::warn!("the audit log has no line about the end of a forwarded request");
        }
    }
}

/// The reply's body. Trailers are dropped: they could hold any header line.
pub(super) struct RelayedBody {
    body: Incoming,
    exchange: Exchange,
    _lease: Lease,
}

impl RelayedBody {
    pub(super) fn new(body: Incoming, lease: Lease, mut exchange: Exchange) -> Self {
        if body.is_end_stream() {
            exchange.end = ExchangeEnd::Whole;
        }
        Self { body, exchange, _lease: lease }
    }
}

impl HttpBody for RelayedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        loop {
            match ready!(Pin::new(&mut self.body).poll_frame(cx)) {
                Some(Ok(frame)) => {
                    let Ok(data) = frame.into_data() else { continue };
                    self.exchange.received += data.len() as u64;
                    // hyper does not ask for an end that it knows of.
                    if self.body.is_end_stream() {
                        self.exchange.end = ExchangeEnd::Whole;
                    }
                    return Poll::Ready(Some(Ok(Frame::data(data))));
                }
                Some(Err(error)) => {
                    self.exchange.end = ExchangeEnd::Broken(broke_off(&error));
                    return Poll::Ready(Some(Err(axum::Error::new(error))));
                }
                None => {
                    self.exchange.end = ExchangeEnd::Whole;
                    return Poll::Ready(None);
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
