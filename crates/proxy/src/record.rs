//! An example pair as a record: decoded, redacted and cut before it leaves.

use std::borrow::Cow;
use std::hash::Hasher;
use std::sync::{Arc, OnceLock};
use std::time::{SystemTime, UNIX_EPOCH};

use base64::prelude::{Engine, BASE64_STANDARD};
use bytes::Bytes;
use http::uri::PathAndQuery;
use http::{header, HeaderMap, HeaderValue, Method};
use parallelrun_compare::{decode, Cleaned, Difference, Kind, REDACTED};
use serde_json::{json, Value};
use siphasher::sip::SipHasher13;

use crate::answer::{Answer, AnswerHead, Answered};
use crate::copying::Upload;
use crate::differences::Verdict;
use crate::flow::Exchange;
use crate::ledger::{Endpoint, Outcome};
use crate::offload::{self, Work};
use crate::sides::{Side, Sides};
use crate::snapshot::Snapshot;
use crate::upstream_error::Failure;

/// Of a decoded body, as many times the limit on bodies: enough for what compresses well, too little for a bomb.
const DECODED: usize = 16;

/// An exchange that is to become a record, with all that another thread needs to write it.
pub struct Draft {
    snapshot: Arc<Snapshot>,
    endpoint: Arc<Endpoint>,
    outcome: Outcome,
    serving: Side,
    rescued: bool,
    method: Method,
    target: PathAndQuery,
    host: HeaderValue,
    headers: HeaderMap,
    body: Option<Bytes>,
}

impl Draft {
    pub fn of(exchange: &Exchange, upload: Option<&Upload>, outcome: Outcome) -> Self {
        let Exchange {
            snapshot,
            head,
            serving,
            ticket,
            ..
        } = exchange;
        Self {
            snapshot: Arc::clone(snapshot),
            endpoint: Arc::clone(ticket.endpoint()),
            outcome,
            serving: *serving,
            rescued: ticket.was_rescued(),
            method: head.method.clone(),
            target: head.target.clone(),
            host: head.host.clone(),
            headers: head.headers().clone(),
            body: upload.and_then(Upload::whole),
        }
    }

    /// The work of writing it, beside that on the answers.
    pub fn work(&self, answers: Work) -> Work {
        answers.bytes(self.body.as_ref().map_or(0, Bytes::len))
    }

    /// A compared pair, with a verdict for each difference.
    pub fn of_pair(&self, pair: &Sides<Answer>, differences: Vec<Difference>, verdicts: &[Verdict]) -> Vec<u8> {
        let snapshot = &self.snapshot;
        let decoded = Sides {
            old: decoded(snapshot, &pair.old.head.headers, &pair.old.body),
            new: decoded(snapshot, &pair.new.head.headers, &pair.new.body),
        };
        let bodies = Sides {
            old: clean(snapshot, &pair.old.head.headers, decoded.old.as_deref()),
            new: clean(snapshot, &pair.new.head.headers, decoded.new.as_deref()),
        };
        let difference = |(mut difference, verdict): (Difference, &Verdict)| {
            snapshot.redactor.difference(&mut difference);
            let of_body = difference.location == "body" || difference.location.starts_with('$');
            if of_body && difference.kind != Kind::Bytes {
                hide(&mut difference.old, bodies.old.as_ref());
                hide(&mut difference.new, bodies.new.as_ref());
            }
            json!({
                "location": difference.location,
                "kind": difference.kind.as_str(),
                "old": difference.old,
                "new": difference.new,
                "verdict": verdict.name(),
                "rule": difference.rule.as_deref(),
            })
        };
        let differences = differences.into_iter().zip(verdicts).map(difference).collect();
        let answers = Sides {
            old: whole(snapshot, &pair.old, bodies.old.as_ref()),
            new: whole(snapshot, &pair.new, bodies.new.as_ref()),
        };
        self.write(answers, differences)
    }

    /// An exchange in which a side gave no answer.
    pub fn of_failure(&self, pair: &Sides<Answered>) -> Vec<u8> {
        let snapshot = &self.snapshot;
        let answered = |of: &Answered| match of {
            Answered::Whole(answer) => {
                let decoded = decoded(snapshot, &answer.head.headers, &answer.body);
                let clean = clean(snapshot, &answer.head.headers, decoded.as_deref());
                whole(snapshot, answer, clean.as_ref())
            }
            Answered::Failed { failure, head } => partial(snapshot, head.as_ref(), Some(*failure)),
            Answered::Left(_) | Answered::Unfinished => partial(snapshot, None, None),
        };
        let answers = Sides {
            old: answered(&pair.old),
            new: answered(&pair.new),
        };
        self.write(answers, Vec::new())
    }

    fn write(&self, answers: Sides<Value>, differences: Vec<Value>) -> Vec<u8> {
        let snapshot = &self.snapshot;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let at_ms = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
        let request_body = self.body.as_ref().map(|bytes| {
            let decoded = decoded(snapshot, &self.headers, bytes);
            let clean = clean(snapshot, &self.headers, decoded.as_deref());
            body(snapshot, bytes, clean.as_ref())
        });
        let template = self.endpoint.name.split_once(' ').map_or("", |(_, template)| template);
        let mut request_headers = vec![(
            "host".to_owned(),
            String::from_utf8_lossy(self.host.as_bytes()).into_owned(),
        )];
        request_headers.extend(headers(snapshot, &self.headers));
        let record = json!({
            "type": "pair",
            "id": format!("{at_ms:012x}{:08x}", fastrand::u32(..)),
            "at_ms": at_ms,
            "endpoint": self.endpoint.name,
            "outcome": self.outcome.name(),
            "serving": self.serving.name(),
            "generation": snapshot.generation,
            "rescued": self.rescued,
            "request": {
                "method": self.method.as_str(),
                "target": snapshot.redactor.target(template, self.target.as_str()),
                "headers": request_headers,
                "body": request_body,
            },
            "old": answers.old,
            "new": answers.new,
            "differences": differences,
        });
        record.to_string().into_bytes()
    }
}

/// Keeps an exchange in which a side gave no answer.
pub async fn keep_failure(exchange: &Exchange, upload: Option<&Upload>, outcome: Outcome, pair: Sides<Answered>) {
    let state = &exchange.worker.state;
    if !state.records.admits(false) {
        return;
    }
    let draft = Draft::of(exchange, upload, outcome);
    let mut work = draft.work(Work::default());
    for side in Side::BOTH {
        if let Answered::Whole(answer) = &pair[side] {
            work = work.answer(answer);
        }
    }
    state
        .records
        .push(offload::run(state, work, move || draft.of_failure(&pair)).await);
}

fn whole(snapshot: &Snapshot, answer: &Answer, clean: Option<&Cleaned<'_>>) -> Value {
    let mut value = partial(snapshot, Some(&answer.head), None);
    if !answer.body.is_empty() {
        value["body"] = body(snapshot, &answer.body, clean);
    }
    value
}

/// An excerpt of a body shows no more of it than what is kept.
fn hide(excerpt: &mut Option<String>, body: Option<&Cleaned<'_>>) {
    if let Some(text) = excerpt {
        if body.is_none_or(|body| body.hides(text)) {
            REDACTED.clone_into(text);
        }
    }
}

fn partial(snapshot: &Snapshot, head: Option<&AnswerHead>, failure: Option<Failure>) -> Value {
    json!({
        "status": head.map_or(0, |head| head.status.as_u16()),
        "headers": head.map_or_else(Vec::new, |head| headers(snapshot, &head.headers)),
        "body": null,
        "ms": head.map(|head| head.took.as_secs_f64() * 1000.0),
        "failure": failure.map(Failure::name),
    })
}

fn headers(snapshot: &Snapshot, headers: &HeaderMap) -> Vec<(String, String)> {
    let line = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
        let value = String::from_utf8_lossy(value.as_bytes());
        let clean = snapshot.redactor.header(name.as_str(), &value).into_owned();
        (name.as_str().to_owned(), clean)
    };
    headers.iter().map(line).collect()
}

/// None where the body cannot be decoded, or is too much.
fn decoded<'a>(snapshot: &Snapshot, headers: &HeaderMap, bytes: &'a [u8]) -> Option<Cow<'a, [u8]>> {
    decode(headers, bytes, snapshot.limits.body_bytes.saturating_mul(DECODED)).ok()
}

fn clean<'a>(snapshot: &Snapshot, headers: &HeaderMap, decoded: Option<&'a [u8]>) -> Option<Cleaned<'a>> {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    decoded.map(|decoded| snapshot.redactor.clean(content_type, decoded))
}

fn body(snapshot: &Snapshot, bytes: &[u8], clean: Option<&Cleaned<'_>>) -> Value {
    let hash = format!("{:016x}", keyed_hash(bytes));
    let Some(clean) = clean else {
        // What cannot be read cannot be redacted either, so nothing of it is kept.
        return json!({"text": "", "bytes": bytes.len(), "truncated": true, "hash": hash});
    };
    let (redacted, length) = (clean.body(), clean.original().len());
    let kept = &redacted[..redacted.len().min(snapshot.limits.pair_body_bytes)];
    let truncated = kept.len() < redacted.len();
    match text(kept, truncated) {
        Some(text) => json!({"text": text, "bytes": length, "truncated": truncated, "hash": hash}),
        None => {
            json!({"base64": BASE64_STANDARD.encode(kept), "bytes": length, "truncated": truncated, "hash": hash})
        }
    }
}

/// As text, if it is; a character that the cut has split does not count.
fn text(bytes: &[u8], truncated: bool) -> Option<&str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Some(text),
        Err(e) if truncated && e.error_len().is_none() => std::str::from_utf8(&bytes[..e.valid_up_to()]).ok(),
        Err(_) => None,
    }
}

/// Equal bodies have equal hashes within one process; without the key nobody can guess a secret from its hash.
fn keyed_hash(bytes: &[u8]) -> u64 {
    static KEY: OnceLock<(u64, u64)> = OnceLock::new();
    let (a, b) = KEY.get_or_init(|| (fastrand::u64(..), fastrand::u64(..)));
    let mut hasher = SipHasher13::new_with_keys(*a, *b);
    hasher.write(bytes);
    hasher.finish()
}
