//! What the client reads where no side's answer can be given: the one place that turns failures into responses.

use http::header::{HeaderValue, CONNECTION, CONTENT_TYPE};
use http::{Response, StatusCode};

use crate::body::ClientBody;
use crate::sides::Side;
use crate::upstream_error::{Failure, UpstreamError};
use crate::validate::Refusal;

/// A request that may not pass. The connection ends with it: what follows on it cannot be trusted to be a request.
pub fn refusal(refusal: &Refusal) -> Response<ClientBody> {
    let mut response = plain(refusal.status, refusal.reason);
    response
        .headers_mut()
        .insert(CONNECTION, HeaderValue::from_static("close"));
    response
}

/// No side answered; `side` is the one that should have.
pub fn no_answer(side: Side, error: &UpstreamError) -> Response<ClientBody> {
    if error.clients_fault {
        let (status, reason) = match error.failure {
            Failure::Timeout => (StatusCode::REQUEST_TIMEOUT, "the request's body did not arrive"),
            _ => (StatusCode::BAD_REQUEST, "the request's body broke off or is malformed"),
        };
        return refusal(&Refusal { status, reason });
    }
    failed(side, error.failure)
}

pub fn failed(side: Side, failure: Failure) -> Response<ClientBody> {
    let status = match failure {
        Failure::Timeout => StatusCode::GATEWAY_TIMEOUT,
        Failure::Connect | Failure::Reset | Failure::Protocol | Failure::Tls => StatusCode::BAD_GATEWAY,
    };
    plain(
        status,
        &format!("the {} side gave no answer: {}", side.name(), failure.name()),
    )
}

/// The process ends before an answer came.
pub fn ending() -> Response<ClientBody> {
    plain(StatusCode::SERVICE_UNAVAILABLE, "the proxy is stopping")
}

fn plain(status: StatusCode, text: &str) -> Response<ClientBody> {
    let mut response = Response::new(ClientBody::Text(Some(format!("parallelrun: {text}\n").into())));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}
