//! One user: a connection, a session where the protocol has one, one request at a time.

use crate::answer::{Answer, read};
use crate::desk::Due;
use crate::job::{Body, micros, since};
use crate::worker::Floor;
use crate::{Class, Job, Prepared, Reading, Record, mcp};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Uri, header};
use net::{Line, NetError};
use std::time::{Duration, Instant};

/// How long the end of a session may take.
const FAREWELL: Duration = Duration::from_secs(2);

/// A request with everything in it that is the same each time.
pub(crate) struct Letter {
    pub(crate) row: u16,
    pub(crate) reading: Reading,
    pub(crate) method: Method,
    pub(crate) uri: Uri,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Letter {
    /// The job's requests, addressed.
    pub(crate) fn all(job: &Job) -> Vec<Self> {
        job.requests.iter().map(|request| Self::of(job, request)).collect()
    }

    fn of(job: &Job, request: &Prepared) -> Self {
        let mut headers = job.headers.clone();
        headers.extend(request.headers.clone());
        if let Some(host) = job.target.authority().and_then(|host| HeaderValue::from_str(host.as_str()).ok()) {
            headers.insert(header::HOST, host);
        }
        Self {
            row: request.row,
            reading: request.reading,
            method: request.method.clone(),
            // Who prepared the request has made sure that its path is one; the root is what is left otherwise.
            uri: job.path(request).parse().unwrap_or_else(|_| Uri::from_static("/")),
            headers,
            body: request.body.clone(),
        }
    }

    pub(crate) fn request(&self) -> Request<Body> {
        let mut request = Request::new(Body::new(self.body.clone()));
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = self.uri.clone();
        *request.headers_mut() = self.headers.clone();
        request
    }
}

/// One user.
pub(crate) struct User {
    number: u32,
    line: Option<Line>,
    session: Option<mcp::Session>,
}

impl User {
    pub(crate) fn new(number: u32) -> Self {
        Self { number, line: None, session: None }
    }

    /// Connects, and begins a session if any of the requests needs one. What fails is tried again with a request.
    pub(crate) async fn open(&mut self, floor: &Floor) {
        let opening = async {
            self.line = floor.share.dialler.open().await.ok();
            let needs = floor.letters.iter().find(|letter| letter.reading == Reading::Mcp);
            if let (Some(letter), Some(line)) = (needs, &mut self.line) {
                self.session = mcp::Session::begin(line, letter).await.ok();
            }
        };
        // A target that accepts and then says nothing is not waited for longer than for an answer.
        let _ = tokio::time::timeout(floor.job.timeout, opening).await;
    }

    /// Takes arrivals from the desk until there are no more.
    pub(crate) async fn serve(mut self, floor: &Floor, start: Instant) {
        while let Some(due) = floor.desk.next().await {
            let think = self.turn(floor, start, due).await;
            if !think.is_zero() {
                tokio::select! {
                    () = tokio::time::sleep(think) => {}
                    () = floor.desk.over() => {}
                }
            }
        }
        if let (Some(session), Some(line)) = (self.session.take(), self.line.take()) {
            // Whether the server hears it or not, nothing more will come.
            let _ = tokio::time::timeout(FAREWELL, session.end(line, floor)).await;
        }
    }

    /// One request, from the desk to its record; how long the user rests then.
    async fn turn(&mut self, floor: &Floor, start: Instant, due: Due) -> Duration {
        let Some(arrival) = floor.job.arrivals.get(due.arrival as usize) else { return Duration::ZERO };
        let Some(letter) = floor.letters.get(arrival.request as usize) else { return Duration::ZERO };
        let (lag, wait) = due.waited();
        let sent = Instant::now();
        let answer = match wait > floor.job.timeout {
            true => Answer::of(Class::Timeout),
            false => {
                let _flight = floor.desk.sends();
                let asked = tokio::time::timeout(floor.job.timeout, self.ask(floor, letter, sent)).await;
                // A connection that still owes an answer is of no use to the next request.
                asked.unwrap_or_else(|_| Answer::of(Class::Timeout))
            }
        };
        let intended_us = u64::try_from(sent.saturating_duration_since(start).as_micros()).unwrap_or(u64::MAX);
        let record = Record {
            at_us: due.intended.map_or(intended_us, |_| arrival.at_us),
            arrival: due.arrival,
            user: self.number,
            row: letter.row,
            class: answer.class,
            cache: answer.cache,
            degraded: answer.degraded,
            lag_us: micros(lag),
            wait_us: micros(wait),
            service_us: answer.took_us.unwrap_or_else(|| since(sent)),
            first_us: answer.first_us,
            tokens: answer.tokens,
            total_tokens: answer.total_tokens,
            bytes: answer.bytes,
            cost_nano_usd: answer.cost_nano_usd,
        };
        floor.meter.ended(floor.share.number, &record);
        floor.meter.between(floor.share.number, &answer.between_us);
        let mut notes = floor.notes.borrow_mut();
        notes.simulated |= answer.simulated;
        if let Some(text) = answer.text {
            notes.answers.push((due.arrival, text));
        }
        notes.records.push(record);
        Duration::from_micros(u64::from(arrival.think_us))
    }

    async fn ask(&mut self, floor: &Floor, letter: &Letter, sent: Instant) -> Answer {
        match self.exchange(floor, letter, sent).await {
            Ok(answer) => answer,
            Err(error) => Answer::of(class_of(&error)),
        }
    }

    async fn exchange(&mut self, floor: &Floor, letter: &Letter, sent: Instant) -> Result<Answer, NetError> {
        let mut line = match self.line.take().filter(|line| !line.is_closed()) {
            Some(line) => line,
            None => floor.share.dialler.open().await?,
        };
        let request = match letter.reading {
            Reading::Mcp => self.in_session(&mut line, letter).await?,
            _ => letter.request(),
        };
        let response = match line.send(request).await {
            Ok(response) => response,
            // A kept connection may have been closed a moment ago; what never left is sent once more.
            Err((_, Some(request))) => {
                line = floor.share.dialler.open().await?;
                line.send(request).await.map_err(|(error, _)| error)?
            }
            Err((error, None)) => return Err(error),
        };
        let answer = read(response, letter.reading, sent, floor.job.keep_answers).await?;
        if answer.whole {
            self.line = Some(line);
        }
        if letter.reading == Reading::Mcp && answer.lost_session {
            self.session = None;
        }
        Ok(answer)
    }

    /// The request within this user's session, which begins here if it has not begun.
    async fn in_session(&mut self, line: &mut Line, letter: &Letter) -> Result<Request<Body>, NetError> {
        let session = match self.session.take() {
            Some(session) => session,
            None => mcp::Session::begin(line, letter).await?,
        };
        let mut request = letter.request();
        session.mark(request.headers_mut());
        self.session = Some(session);
        Ok(request)
    }
}

fn class_of(error: &NetError) -> Class {
    match error {
        NetError::Dns { .. } | NetError::Connect { .. } => Class::Refused,
        NetError::ConnectTimeout { .. } => Class::Timeout,
        NetError::Tls { .. } => Class::Tls,
        NetError::Closed => Class::Closed,
        NetError::Protocol | NetError::TooLarge { .. } => Class::BadAnswer,
    }
}
