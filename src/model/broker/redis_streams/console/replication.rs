//! Commands about replicas.

use serde_json::json;

use super::super::arguments::{integer, Reply};
use super::super::server::RedisStreams;
use super::super::waiting::What;
use super::Asked;
use crate::model::broker::server::Call;
use crate::vocabulary::Duration;

/// `WAIT numreplicas timeout`, in milliseconds; 0: for ever.
pub(super) fn wait(server: &mut RedisStreams, asked: &Asked, call: &mut Call) -> Reply {
    let wanted = integer(&asked.words[1]).ok_or("value is not an integer or out of range")?;
    let timeout = integer(&asked.words[2]).ok_or("timeout is not an integer or out of range")?;
    let timeout = u64::try_from(timeout).map_err(|_| "timeout is negative")?;
    let written = server.terminals.get(&asked.session).and_then(|terminal| terminal.written);
    let replicas = &server.store.log.replicas;
    let having = replicas.having(written);
    if i64::from(having) >= wanted || asked.in_transaction {
        return Ok(json!(having));
    }
    let over = (timeout > 0).then(|| call.now + Duration::from_millis(timeout));
    let enough = written.map(|at| at + replicas.lag).filter(|_| i64::from(replicas.count) >= wanted);
    let until = [over, enough].into_iter().flatten().min();
    let what = What::Replicas { written };
    let index = server.waiting.block(asked.session, until, what, &mut server.store);
    if let Some(terminal) = server.terminals.get_mut(&asked.session) {
        terminal.blocked = Some(index);
    }
    Ok(json!({"blocked": true}))
}

/// `FAILOVER`: the master waits until a replica has everything, and gives over to it.
pub(super) fn failover(server: &mut RedisStreams, asked: &Asked, call: &mut Call) -> Reply {
    if asked.words.len() > 1 {
        return Err("syntax error".into());
    }
    if server.store.log.replicas.count == 0 {
        return Err("FAILOVER requires connected replicas.".into());
    }
    server.store.log.replicas.catch_up();
    server.fail_over(call);
    Ok(json!("OK"))
}

/// `SENTINEL FAILOVER NAME`: as if the master were gone.
pub(super) fn sentinel_failover(server: &mut RedisStreams, _: &Asked, call: &mut Call) -> Reply {
    if server.store.log.replicas.count == 0 {
        return Err("NOGOODSLAVE No suitable replica to promote".into());
    }
    server.fail_over(call);
    Ok(json!("OK"))
}
