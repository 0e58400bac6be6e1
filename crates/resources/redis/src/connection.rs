//! One connection, to a server or to all nodes of a cluster; many commands can be under way on it at once.

use crate::error::Trouble;
use measure::{Level, LevelGuard};
use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::cluster::ClusterClient;
use redis::cluster_async::ClusterConnection;
use redis::{AsyncConnectionConfig, Client, Cmd, Value, cmd};
use std::time::Duration;

/// What to connect to.
pub(crate) enum Target {
    /// One server.
    One(Box<Client>),
    /// A cluster.
    Cluster(Box<ClusterClient>),
}

/// An open connection.
pub(crate) struct Connection {
    wire: Wire,
    /// What the server says of itself; unknown of a cluster.
    pub(crate) server: Option<Server>,
    _counted: LevelGuard,
}

#[derive(Clone)]
enum Wire {
    One(MultiplexedConnection),
    Cluster(Box<ClusterConnection>),
}

/// One run of a server: another run has another memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Server {
    pub(crate) run: String,
    /// How long it has run; it counts whole seconds.
    pub(crate) up: Duration,
}

impl Connection {
    /// Connects, within `most`.
    pub(crate) async fn open(target: &Target, most: Duration, level: &Level) -> Result<Self, Trouble> {
        let opening = async {
            Ok::<_, redis::RedisError>(match target {
                Target::One(client) => {
                    // How long an answer may take is for whoever asks to say.
                    let config = AsyncConnectionConfig::new().set_response_timeout(None);
                    let config = config.set_connection_timeout(Some(most));
                    Wire::One(client.get_multiplexed_async_connection_with_config(&config).await?)
                }
                Target::Cluster(client) => Wire::Cluster(Box::new(client.get_async_connection().await?)),
            })
        };
        let wire = tokio::time::timeout(most, opening).await.map_err(|_| Trouble::Late)??;
        let mut connection = Self { wire, server: None, _counted: level.enter() };
        if matches!(connection.wire, Wire::One(_)) {
            // Whoever may not ask for it is told nothing, and every connection counts as one to another server then.
            let asked = tokio::time::timeout(most, connection.send(cmd("INFO").arg("server"))).await;
            let said = asked.map_err(|_| Trouble::Late)?;
            connection.server = said.ok().and_then(|said| redis::from_redis_value(said).ok()).and_then(server);
        }
        Ok(connection)
    }

    /// Sends one command and waits for its answer, however long that takes.
    pub(crate) async fn send(&self, command: &Cmd) -> Result<Value, Trouble> {
        let answer = match &self.wire {
            Wire::One(wire) => wire.clone().req_packed_command(command).await,
            Wire::Cluster(wire) => wire.clone().req_packed_command(command).await,
        };
        match answer? {
            Value::ServerError(error) => Err(redis::RedisError::from(error).into()),
            value => Ok(value),
        }
    }
}

/// Reads the answer to `INFO server`.
fn server(said: String) -> Option<Server> {
    let field = |name: &str| said.lines().find_map(|line| line.strip_prefix(name));
    let up = field("uptime_in_seconds:")?.trim().parse().ok()?;
    Some(Server { run: field("run_id:")?.trim().to_owned(), up: Duration::from_secs(up) })
}

#[cfg(test)]
mod tests {
    use super::{Server, server};
    use std::time::Duration;

    #[test]
    fn a_server_tells_which_run_it_is_and_since_when() {
        let said = "# Server\r\nredis_version:7.0.15\r\nrun_id:abc\r\nuptime_in_seconds:12\r\n";
        let expect = Server { run: "abc".to_owned(), up: Duration::from_secs(12) };
        assert_eq!(server(said.to_owned()), Some(expect));
        assert_eq!(server("run_id:abc\r\n".to_owned()), None);
    }
}
