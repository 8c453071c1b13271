//! Keeps the server telling of changes: asks it to, notices when it does not any more, and asks again.
//!
//! A connection is not told of its own changes (`NOLOOP`), but for those that scripts make: to the server a script is somebody
//! else. Such an echo cannot be told from a change that another made in the same moment, so it counts as one.

use super::link::{Address, Line, Live};
use super::options::Target;
use super::process;
use super::server::Server;
use super::slots::slot;
use super::watch::{Level, Watch};
use crate::far::error::Problem;
use redis::{PushInfo, PushKind, Value};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::Duration;

/// How often a connection that should tell of changes is looked after: one that died in silence is noticed then.
const LOOK: Duration = Duration::from_secs(1);

/// Asks for `level` of what happens to the cache of `watch`.
pub(super) fn want(server: &Arc<Server>, watch: &Watch, level: Level) -> Result<(), Problem> {
    if watch.want(level) {
        server.keep.notify_one();
    }
    if !server.keeping.swap(true, Ordering::AcqRel) {
        process::runtime()?.spawn(keep(Arc::downgrade(server)));
    }
    Ok(())
}

/// Sees to it that a master which sentinels have replaced is noticed: it may go on answering, as if nothing had happened.
pub(super) fn attend_sentinels(server: &Arc<Server>) -> Result<(), Problem> {
    if matches!(server.options.target, Target::Sentinel { .. })
        && !server.keeping.swap(true, Ordering::AcqRel)
    {
        process::runtime()?.spawn(keep(Arc::downgrade(server)));
    }
    Ok(())
}

/// What a server says by itself.
pub(super) fn hear(server: &Server, line: &Line, push: PushInfo) {
    match (push.kind, push.data.first()) {
        (PushKind::Disconnection, _) if line.told.lock().drain().count() > 0 => {
            for watch in server.watches.lock().values() {
                watch.lose();
            }
            server.keep.notify_one();
        }
        (PushKind::Invalidate, Some(Value::Array(names))) => {
            let watches = server.watches.lock();
            for name in names {
                let Value::BulkString(name) = name else {
                    continue;
                };
                for watch in watches.values() {
                    watch.changed(name, 0);
                }
            }
        }
        // FLUSHALL, or FLUSHDB of any database.
        (PushKind::Invalidate, _) => {
            for watch in server.watches.lock().values() {
                watch.everything();
            }
        }
        (PushKind::Message, Some(Value::BulkString(channel))) => {
            let Some(Value::BulkString(message)) = push.data.get(1) else {
                return;
            };
            for watch in server.watches.lock().values() {
                if watch.names.channel.as_bytes() == channel {
                    watch.hear(message);
                }
            }
        }
        _ => {}
    }
}

/// Runs until nobody uses the server any more.
async fn keep(server: Weak<Server>) {
    let mut failures = 0;
    loop {
        let Some(used) = server.upgrade() else {
            return;
        };
        let attended = used.within(attend(&used)).await;
        let keep = Arc::clone(&used.keep);
        let pause = if attended.is_ok() {
            failures = 0;
            LOOK
        } else {
            for watch in watches(&used) {
                watch.fail();
            }
            failures += 1;
            super::link::pause(failures)
        };
        let named = matches!(used.options.target, Target::Sentinel { .. });
        let idle = watches(&used).is_empty() && !named;
        drop(used);
        if idle {
            // The last user may go, and nobody would say so.
            let _ = tokio::time::timeout(LOOK * 10, keep.notified()).await;
        } else if failures > 0 {
            tokio::time::sleep(pause).await;
        } else {
            let _ = tokio::time::timeout(pause, keep.notified()).await;
        }
    }
}

fn watches(server: &Server) -> Vec<Arc<Watch>> {
    let watches = server.watches.lock();
    let wanted = watches
        .values()
        .filter(|watch| watch.wanted() > Level::Nothing);
    wanted.cloned().collect()
}

/// Sees to it that all servers tell of all that is wanted.
async fn attend(server: &Arc<Server>) -> Result<(), Problem> {
    let watches = watches(server);
    let named = matches!(server.options.target, Target::Sentinel { .. });
    if watches.is_empty() && !named {
        return Ok(());
    }
    server.refresh().await?;
    let masters = server.map.read().masters();
    server.forget_all_but(&masters);
    if watches.is_empty() {
        return Ok(());
    }
    for address in &masters {
        let live = server.connection(address).await?;
        if let Err(problem) = tell(server, address, live.clone(), &watches).await {
            live.retire();
            return Err(problem);
        }
    }
    // Connections that were lost meanwhile have taken back what was told.
    let lines = masters.iter().map(|address| server.link(address).live());
    let Some(lines) = lines.collect::<Option<Vec<Live>>>() else {
        return Err(Problem::Unreachable("a connection was lost".to_owned()));
    };
    for watch in &watches {
        let wanted = watch.wanted();
        let told = lines
            .iter()
            .all(|live| live.line.told.lock().contains(&watch.names.prefix));
        let level = if told {
            wanted
        } else {
            wanted.min(Level::News)
        };
        watch.reach(level);
    }
    Ok(())
}

async fn tell(
    server: &Server,
    address: &Address,
    mut live: Live,
    watches: &[Arc<Watch>],
) -> Result<(), Problem> {
    if !live.line.pushes {
        return Err(Problem::Unsupported(
            "the server does not speak RESP3, and so cannot tell of changes".to_owned(),
        ));
    }
    let refused = |error: redis::RedisError| super::link::problem(&error, address);
    for watch in watches {
        let (prefix, channel) = (&watch.names.prefix, &watch.names.channel);
        let is_owner = server
            .map
            .read()
            .owner(slot(watch.names.tags.as_bytes()))
            .as_ref()
            == Some(address);
        if is_owner && !live.line.told.lock().contains(channel) {
            live.subscribe(channel).await.map_err(refused)?;
            live.line.told.lock().insert(channel.clone());
        }
        if watch.wanted() == Level::Tracked && !live.line.told.lock().contains(prefix) {
            let mut command = redis::cmd("CLIENT");
            command
                .arg("TRACKING")
                .arg("ON")
                .arg("BCAST")
                .arg("PREFIX")
                .arg(prefix)
                .arg("NOLOOP");
            if let Value::ServerError(error) = live.send(&command).await.map_err(refused)? {
                return Err(super::route::refused(&error));
            }
            live.line.told.lock().insert(prefix.clone());
        }
    }
    live.send(&redis::cmd("PING")).await.map_err(refused)?;
    Ok(())
}
