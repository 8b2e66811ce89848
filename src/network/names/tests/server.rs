//! A DNS server on loopback with configured answers.

use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex},
};

use hickory_resolver::proto::{
    op::{Message, ResponseCode},
    rr::{RData, Record, RecordType},
};
use tokio::net::UdpSocket;
use tokio_util::task::AbortOnDropHandle;

/// The answer to a query for a name.
#[derive(Clone, Debug)]
pub(super) enum Answer {
    /// These addresses, for the hour that follows.
    Is(Vec<IpAddr>),
    /// A name that has nothing of the type asked for.
    NoData,
    /// An error, of a name that does not exist for one.
    Error(ResponseCode),
    Silence,
}

type Zone = Arc<Mutex<BTreeMap<String, Answer>>>;

pub(super) struct Server {
    pub(super) address: SocketAddr,
    zone: Zone,
    asked: Arc<Mutex<Vec<String>>>,
    _task: AbortOnDropHandle<()>,
}

impl Server {
    /// A server that answers `other` for names that are not in its zone. A name that begins with `*.` matches all names
    /// below it.
    pub(super) async fn start(zone: &[(&str, Answer)], other: Answer) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        let entries = zone
            .iter()
            .map(|(name, answer)| ((*name).to_owned(), answer.clone()));
        let zone: Zone = Arc::new(Mutex::new(entries.collect()));
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let task = tokio::spawn(serve(socket, zone.clone(), other, asked.clone()));
        Self {
            address,
            zone,
            asked,
            _task: AbortOnDropHandle::new(task),
        }
    }

    pub(super) fn set(&self, name: &str, answer: Answer) {
        self.zone.lock().unwrap().insert(name.to_owned(), answer);
    }

    /// The names that were asked for, each once, in the order of their first question.
    pub(super) fn asked(&self) -> Vec<String> {
        let mut asked = self.asked.lock().unwrap().clone();
        let mut seen = Vec::new();
        asked.retain(|name| {
            let new = !seen.contains(name);
            seen.push(name.clone());
            new
        });
        asked
    }
}

async fn serve(socket: UdpSocket, zone: Zone, other: Answer, asked: Arc<Mutex<Vec<String>>>) {
    let mut buffer = [0; 4096];
    loop {
        let (read, from) = socket.recv_from(&mut buffer).await.unwrap();
        let question = Message::from_vec(&buffer[..read]).unwrap();
        let query = question.queries[0].clone();
        let name = query.name().to_string().to_lowercase();
        asked.lock().unwrap().push(name.clone());
        let answer = {
            let zone = zone.lock().unwrap();
            let exact = zone.get(&name).cloned();
            let mut patterns = zone.iter();
            let below = patterns.find(|(pattern, _)| {
                pattern
                    .strip_prefix('*')
                    .is_some_and(|end| name.ends_with(end))
            });
            exact.or_else(|| below.map(|(_, answer)| answer.clone()))
        };
        let mut message = Message::response(question.metadata.id, question.metadata.op_code);
        message.metadata.recursion_desired = true;
        message.metadata.recursion_available = true;
        message.add_query(query.clone());
        match answer.unwrap_or_else(|| other.clone()) {
            Answer::Is(addresses) => {
                for address in addresses {
                    let data = RData::from(address);
                    let fits = match query.query_type() {
                        RecordType::A => address.is_ipv4(),
                        RecordType::AAAA => address.is_ipv6(),
                        _ => false,
                    };
                    if fits {
                        message.add_answer(Record::from_rdata(query.name().clone(), 3600, data));
                    }
                }
            }
            Answer::NoData => {}
            Answer::Error(code) => message.metadata.response_code = code,
            Answer::Silence => continue,
        }
        let answer = message.to_vec().unwrap();
        socket.send_to(&answer, from).await.unwrap();
    }
}
