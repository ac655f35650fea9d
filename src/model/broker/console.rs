//! A console: a broker product alone, told what to do line by line.
//!
//! It keeps the clock, which stands still until a line says `wait`, and the named clients. What a product understands
//! is its own business (`Server::execute`); the lines that mean the same everywhere are [`WORDS`]. Every answer is one
//! JSON object with the client that it is for: `{"client":"c1","reply":...}`; what happens without being asked for is
//! told in the same way under another word, as `{"client":"c2","delivery":{...}}`, right after the answer to the line
//! that led to it.
//!
//! Leaves out: the network. Operations and answers take no time.

use serde_json::{json, Map, Value as Json};

use crate::kernel::rng::Stream;
use crate::vocabulary::{Duration, NodeId, Time};

use super::server::{Call, Happened, Server, Session, Word};

/// Things that may happen by themselves during one wait before it is given up: far more than a script can want.
const DUE_MAX: u32 = 1_000_000;

/// The client that a line without a name is for.
pub const MAIN_CLIENT: &str = "main";

/// The lines that every product's console understands.
pub const WORDS: &[Word] = &[
    Word { name: "wait", usage: "wait TIME", help: "Lets time go by, such as 1.5s or 200ms." },
    Word { name: "kill", usage: "kill CLIENT", help: "Ends a client's process without a word to the broker." },
    Word { name: "crash", usage: "crash", help: "Stops the broker without warning." },
    Word { name: "recover", usage: "recover", help: "Starts the broker again after a crash." },
    Word { name: "restart", usage: "restart", help: "Stops the broker and starts it again." },
    Word { name: "help", usage: "help [WORD]", help: "Lists the words, or explains one." },
];

/// A client of the console.
#[derive(Clone, Debug)]
struct Client {
    name: String,
    session: Session,
}

/// The named clients of one console.
#[derive(Clone, Debug, Default)]
pub struct Clients {
    open: Vec<Client>,
    opened_count: u32,
}

impl Clients {
    /// The session of the client; a new one if the name is new, or its client was killed.
    pub fn session(&mut self, name: &str) -> Session {
        if let Some(client) = self.open.iter().find(|client| client.name == name) {
            return client.session;
        }
        let session = Session::of_console(self.opened_count);
        self.opened_count += 1;
        self.open.push(Client { name: name.to_string(), session });
        session
    }

    /// Takes the client of this name away and returns its session.
    pub fn remove(&mut self, name: &str) -> Option<Session> {
        let index = self.open.iter().position(|client| client.name == name)?;
        Some(self.open.remove(index).session)
    }

    /// The name of the client with this session.
    pub fn name(&self, session: Session) -> Option<&str> {
        self.open.iter().find(|client| client.session == session).map(|client| client.name.as_str())
    }

    /// Forgets all clients, as their connections are gone.
    pub fn clear(&mut self) {
        self.open.clear();
    }
}

/// Splits `NAME> operation` into the client's name and the operation. A line without a name is for [`MAIN_CLIENT`].
pub fn client_and_operation(line: &str) -> (&str, &str) {
    let is_name =
        |name: &str| !name.is_empty() && name.chars().all(|letter| letter.is_alphanumeric() || "-_./".contains(letter));
    match line.split_once('>') {
        // In `XREADGROUP ... >` what stands before has blanks in it.
        Some((name, operation)) if is_name(name) => (name, operation.trim()),
        _ => (MAIN_CLIENT, line.trim()),
    }
}

/// One answer, or one thing that happened, as it is printed.
pub fn line_of(client: &str, word: &str, body: Json) -> Json {
    let mut line = Map::new();
    line.insert("client".into(), client.into());
    line.insert(word.into(), body);
    Json::Object(line)
}

/// Explains the words of a console, or the one that is asked for.
pub fn help(words: &[Word], asked: &str) -> Json {
    let all = words.iter().chain(WORDS);
    let explained = |word: &Word| json!({"word": word.name, "usage": word.usage, "help": word.help});
    if asked.is_empty() {
        return all.map(explained).collect();
    }
    match all.clone().find(|word| word.name.eq_ignore_ascii_case(asked)) {
        Some(word) => explained(word),
        None => json!({"error": format!("there is no word \"{asked}\"; help lists all words")}),
    }
}

/// A broker product with a clock and clients.
#[derive(Clone)]
pub struct Console {
    server: Box<dyn Server>,
    words: &'static [Word],
    now: Time,
    is_up: bool,
    random: Stream,
    messages_made: u64,
    clients: Clients,
    outcome: Vec<Happened>,
}

impl Console {
    /// A console for a server with these words; `seed` decides what the product leaves open.
    pub fn new(server: Box<dyn Server>, words: &'static [Word], seed: u64) -> Console {
        Console {
            server,
            words,
            now: Time::ZERO,
            is_up: true,
            random: Stream::named(seed, "console", "choices"),
            messages_made: 0,
            clients: Clients::default(),
            outcome: Vec::new(),
        }
    }

    /// The current time.
    pub fn now(&self) -> Time {
        self.now
    }

    /// The server, to be looked into.
    pub fn server(&self) -> &dyn Server {
        &*self.server
    }

    /// Performs one line and hands each line of output to `print`: the answer first, then what it led to. An empty
    /// line and a comment, which begins with `#`, have none.
    pub fn perform(&mut self, line: &str, print: &mut dyn FnMut(Json)) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            return;
        }
        let (client, operation) = client_and_operation(line);
        let (word, rest) = operation.split_once(char::is_whitespace).unwrap_or((operation, ""));
        let rest = rest.trim();
        let answer = match word {
            "wait" => return self.wait(client, rest, print),
            "help" => help(self.words, rest),
            "crash" if rest.is_empty() => self.crash(),
            "recover" if rest.is_empty() => self.recover(),
            "restart" if rest.is_empty() => {
                if self.is_up {
                    self.crash();
                }
                self.recover()
            }
            "kill" if !rest.is_empty() => self.kill(rest),
            _ if !self.is_up => json!({"error": "the broker is down; recover starts it"}),
            _ => {
                let session = self.clients.session(client);
                let (server, mut call) = self.parts();
                server.execute(session, client, operation, &mut call)
            }
        };
        print(line_of(client, "reply", answer));
        self.tell(print);
    }

    fn parts(&mut self) -> (&mut dyn Server, Call<'_>) {
        let call = Call {
            now: self.now,
            broker: NodeId(0),
            slow_percent: 100,
            random: &mut self.random,
            messages_made: &mut self.messages_made,
            outcome: &mut self.outcome,
        };
        (&mut *self.server, call)
    }

    fn wait(&mut self, client: &str, span: &str, print: &mut dyn FnMut(Json)) {
        let span: Duration = match span.parse() {
            Ok(span) => span,
            Err(error) => return print(line_of(client, "reply", json!({"error": format!("wait {error}")}))),
        };
        let until = self.now + span;
        for _ in 0..DUE_MAX {
            let Some(due) = self.server.next_due().filter(|due| self.is_up && *due <= until) else {
                self.now = until;
                return;
            };
            self.now = due.max(self.now);
            let (server, mut call) = self.parts();
            server.on_due(&mut call);
            self.tell(print);
        }
        print(line_of(client, "reply", json!({"error": "too much happens in this time; wait for a shorter one"})));
    }

    fn crash(&mut self) -> Json {
        if !std::mem::take(&mut self.is_up) {
            return json!({"error": "the broker is down already"});
        }
        let (server, mut call) = self.parts();
        server.crash(&mut call);
        // Their connections are gone; what the server still says to them reaches nobody.
        self.clients.clear();
        json!("OK")
    }

    fn recover(&mut self) -> Json {
        if std::mem::replace(&mut self.is_up, true) {
            return json!({"error": "the broker is running"});
        }
        let (server, mut call) = self.parts();
        server.recover(&mut call);
        json!("OK")
    }

    fn kill(&mut self, name: &str) -> Json {
        let Some(session) = self.clients.remove(name) else {
            return json!({"error": format!("there is no client \"{name}\"")});
        };
        let (server, mut call) = self.parts();
        server.disconnect(session, &mut call);
        json!("OK")
    }

    fn tell(&mut self, print: &mut dyn FnMut(Json)) {
        for happened in std::mem::take(&mut self.outcome) {
            let Happened::Told { session, word, body } = happened else { continue };
            if let Some(client) = self.clients.name(session) {
                print(line_of(client, word, body));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_may_begin_with_the_name_of_its_client() {
        let cases = [
            ("c1> get q", ("c1", "get q")),
            ("get q", (MAIN_CLIENT, "get q")),
            ("XREADGROUP GROUP g a STREAMS s >", (MAIN_CLIENT, "XREADGROUP GROUP g a STREAMS s >")),
            ("a>XREADGROUP GROUP g a STREAMS s >", ("a", "XREADGROUP GROUP g a STREAMS s >")),
            ("> x", (MAIN_CLIENT, "> x")),
        ];
        for (line, expected) in cases {
            assert_eq!(client_and_operation(line), expected, "{line}");
        }
    }

    #[test]
    fn a_killed_client_comes_back_as_another_session() {
        let mut clients = Clients::default();
        let first = clients.session("c1");
        assert_eq!(clients.session("c1"), first);
        assert_ne!(clients.session("c2"), first);
        assert_eq!(clients.remove("c1"), Some(first));
        assert_eq!(clients.name(first), None);
        assert_ne!(clients.session("c1"), first);
    }
}
