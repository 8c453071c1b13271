//! Requests find their way to whoever has the key, and again if that has changed meanwhile.

use super::link::{Address, Live, pause, problem};
use super::request::Request;
use super::server::Server;
use super::topology::Map;
use super::url::host_of;
use crate::far::error::Problem;
use redis::{Cmd, Pipeline, RedisError, ServerError, ServerErrorKind, Value};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

/// What the server answered to one request.
pub(super) type Reply = Result<Value, ServerError>;

impl Server {
    /// The answers to `requests`, which go out together. They may reach a server more than once.
    pub(super) async fn run(&self, requests: Vec<Request>) -> Result<Vec<Reply>, Problem> {
        let mut asked = Vec::new();
        let answered = self.within(self.run_all(requests, &mut asked)).await;
        if matches!(answered, Err(Problem::TimedOut(_))) {
            // It may never answer again: who comes next makes a new connection.
            for live in &asked {
                live.retire();
            }
        }
        answered
    }

    /// The answer to one request.
    pub(super) async fn ask(&self, request: Request) -> Result<Value, Problem> {
        let mut replies = self.run(vec![request]).await?;
        let reply = replies.pop().unwrap_or(Ok(Value::Nil));
        Self::accept(reply)
    }

    /// What the server at `address` itself answers to `command`.
    pub(super) async fn ask_at(&self, address: &Address, command: &Cmd) -> Result<Value, Problem> {
        let mut asked = None;
        let answered = self
            .within(self.ask_again(address, command, &mut asked))
            .await;
        if let (Err(Problem::TimedOut(_)), Some(live)) = (&answered, &asked) {
            live.retire();
        }
        answered
    }

    async fn ask_again(
        &self,
        address: &Address,
        command: &Cmd,
        asked: &mut Option<Live>,
    ) -> Result<Value, Problem> {
        let mut failures = 0;
        loop {
            let live = asked.insert(self.connection(address).await?);
            self.trips.fetch_add(1, Ordering::Relaxed);
            match live.send(command).await {
                Ok(Value::ServerError(error)) => match error.kind() {
                    Some(ServerErrorKind::BusyLoading | ServerErrorKind::MasterDown) => {
                        tokio::time::sleep(pause(failures)).await;
                    }
                    _ => return Err(refused(&error)),
                },
                Ok(answer) => return Ok(answer),
                Err(error) if failures > 0 => return Err(problem(&error, address)),
                Err(_) => {}
            }
            failures += 1;
        }
    }

    /// The answer in a reply; what the server refused is an error.
    pub(super) fn accept(reply: Reply) -> Result<Value, Problem> {
        reply.map_err(|error| refused(&error))
    }

    async fn run_all(
        &self,
        requests: Vec<Request>,
        asked: &mut Vec<Live>,
    ) -> Result<Vec<Reply>, Problem> {
        let mut replies: Vec<Option<Reply>> = vec![None; requests.len()];
        let mut todo: Vec<Todo> = requests
            .into_iter()
            .enumerate()
            .map(|(at, request)| Todo {
                at,
                request,
                to: None,
            })
            .collect();
        let mut failures = 0;
        loop {
            let round = Instant::now();
            let mut again = Again::default();
            for (sent, outcome) in self.send(todo, asked).await? {
                match outcome {
                    Ok(answers) => {
                        for (todo, answer) in sent.into_iter().zip(answers) {
                            if let Some(reply) = self.judge(todo, answer, &mut again)
                                && let Some(place) = replies.get_mut(reply.0)
                            {
                                *place = Some(reply.1);
                            }
                        }
                    }
                    // A server alone that is not there is not waited for: a lost connection is made anew once.
                    Err(lost)
                        if (self.is_alone() && failures > 0)
                            || (lost.sent && sent.iter().any(|todo| todo.request.once)) =>
                    {
                        return Err(lost.problem);
                    }
                    Err(_) => {
                        again.find = true;
                        again.wait = failures > 0;
                        again.lost = true;
                        again.todo.extend(sent);
                    }
                }
            }
            if again.todo.is_empty() {
                let all = replies.into_iter().flatten().collect();
                return Ok(all);
            }
            // Servers that send each other's askers around have not agreed yet.
            again.wait |= again.moves > 0 && failures > 2;
            if again.wait {
                tokio::time::sleep(pause(failures)).await;
            }
            if again.find && !self.is_alone() {
                // As long as there is time: a failover takes some.
                let _ = self.find(round).await;
            }
            failures += u32::from(again.wait || again.lost || again.moves > 0);
            todo = again.todo;
        }
    }

    /// Sends every request to whoever has its key; what each of them answered.
    async fn send(&self, todo: Vec<Todo>, asked: &mut Vec<Live>) -> Result<Vec<Sent>, Problem> {
        let mut groups: Vec<(Address, Vec<Todo>)> = Vec::new();
        let mut lost = Vec::new();
        let asked_at = Instant::now();
        for todo in todo {
            let address = match &todo.to {
                Some(address) => address.clone(),
                None => match self.owner(todo.request.slot, asked_at).await {
                    Ok(address) => address,
                    Err(problem) => {
                        lost.push((vec![todo], Err(Lost::unsent(problem))));
                        continue;
                    }
                },
            };
            match groups.iter_mut().find(|(known, _)| *known == address) {
                Some((_, group)) => group.push(todo),
                None => groups.push((address, vec![todo])),
            }
        }
        let mut ready = Vec::with_capacity(groups.len());
        for (address, group) in groups {
            match self.connection(&address).await {
                Ok(live) => {
                    asked.push(live.clone());
                    ready.push((address, live, group));
                }
                // Nobody will mend what is wrong with the options.
                Err(problem @ (Problem::Unsupported(_) | Problem::Refused(_))) => {
                    return Err(problem);
                }
                Err(problem) => lost.push((group, Err(Lost::unsent(problem)))),
            }
        }
        let mut sent = Vec::with_capacity(ready.len());
        if ready.len() == 1 {
            for (address, live, group) in ready {
                sent.push(self.send_to(address, live, group).await);
            }
        } else {
            let mut all = tokio::task::JoinSet::new();
            // Polled here rather than spawned, they would be sent one after the other.
            for (address, live, group) in ready {
                self.trips.fetch_add(1, Ordering::Relaxed);
                all.spawn(exchange(address, live, group));
            }
            while let Some(done) = all.join_next().await {
                sent.push(done.map_err(|error| {
                    Problem::Unreachable(format!("a request was given up: {error}"))
                })?);
            }
        }
        sent.extend(lost);
        Ok(sent)
    }

    async fn send_to(&self, address: Address, live: Live, group: Vec<Todo>) -> Sent {
        self.trips.fetch_add(1, Ordering::Relaxed);
        exchange(address, live, group).await
    }

    /// The reply in `answer`, or nothing if the request has to go out again.
    fn judge(&self, mut todo: Todo, answer: Value, again: &mut Again) -> Option<(usize, Reply)> {
        let Value::ServerError(error) = answer else {
            return Some((todo.at, Ok(answer)));
        };
        todo.to = None;
        match error.kind() {
            Some(ServerErrorKind::NoScript) => match todo.request.spelled_out() {
                Some(request) => todo.request = request,
                None => return Some((todo.at, Err(error))),
            },
            Some(ServerErrorKind::Moved) => {
                self.note_move(&error);
                again.moves += 1;
            }
            Some(ServerErrorKind::Ask) => match redirect(&error) {
                Some((_, host)) => todo.to = Some(host),
                None => again.wait = true,
            },
            Some(
                ServerErrorKind::TryAgain
                | ServerErrorKind::ClusterDown
                | ServerErrorKind::MasterDown
                | ServerErrorKind::BusyLoading,
            ) => again.wait = true,
            Some(ServerErrorKind::ReadOnly) => {
                again.wait = true;
                again.find = true;
            }
            _ => return Some((todo.at, Err(error))),
        }
        again.todo.push(todo);
        None
    }

    fn note_move(&self, error: &ServerError) {
        let Some((slot, Address::Tcp(host))) = redirect(error) else {
            return;
        };
        let mut map = self.map.write();
        if let Map::Slots(slots) = &mut *map {
            Arc::make_mut(slots).moved(slot, host);
        }
        drop(map);
        // Others may have moved with it, and who has come new must tell of changes too.
        self.keep.notify_one();
    }
}

/// Requests that went together, and what came of them.
type Sent = (Vec<Todo>, Result<Vec<Value>, Lost>);

/// Why there is no answer.
struct Lost {
    problem: Problem,
    /// Whether the requests may have reached the server.
    sent: bool,
}

impl Lost {
    fn unsent(problem: Problem) -> Self {
        Self {
            problem,
            sent: false,
        }
    }
}

/// A request that waits for its reply.
struct Todo {
    at: usize,
    request: Request,
    /// A server that has the key only for who asks in this way.
    to: Option<Address>,
}

/// What has to go out again, and what has to be done before.
#[derive(Default)]
struct Again {
    todo: Vec<Todo>,
    find: bool,
    wait: bool,
    lost: bool,
    moves: usize,
}

/// Sends `group` to one server.
async fn exchange(address: Address, mut live: Live, group: Vec<Todo>) -> Sent {
    let answers: Result<Vec<Value>, RedisError> = match &group[..] {
        [one] if one.to.is_none() => live
            .send(&one.request.command)
            .await
            .map(|answer| vec![answer]),
        _ => {
            let mut pipeline = Pipeline::with_capacity(group.len());
            for todo in &group {
                if todo.to.is_some() {
                    pipeline.cmd("ASKING");
                }
                pipeline.add_command(todo.request.command.clone());
            }
            live.send_all(&pipeline).await.map(|mut answers| {
                let mut asking = group.iter().flat_map(|todo| {
                    let own = todo.to.is_some().then_some(false);
                    own.into_iter().chain([true])
                });
                answers.retain(|_| asking.next().unwrap_or(true));
                answers
            })
        }
    };
    let answers = answers.map_err(|error| Lost {
        problem: problem(&error, &address),
        sent: true,
    });
    (group, answers)
}

/// Where a server sends who asks.
fn redirect(error: &ServerError) -> Option<(u16, Address)> {
    let mut words = error.details()?.split_ascii_whitespace();
    let slot = words.next()?.parse().ok()?;
    let host = host_of(words.next()?, super::options::PORT).ok()?;
    Some((slot, Address::Tcp(host)))
}

/// What the caller is told of what the server refused.
pub(super) fn refused(error: &ServerError) -> Problem {
    let hint = match error.code() {
        "OOM" => "; its memory is full: give it a maxmemory-policy that evicts, or more memory",
        "NOPERM" => "; the user needs the keys and the channels of the cache, and scripts",
        "NOAUTH" | "WRONGPASS" => "; check user and password",
        _ => "",
    };
    Problem::Refused(format!(
        "{} {}{hint}",
        error.code(),
        error.details().unwrap_or_default()
    ))
}
