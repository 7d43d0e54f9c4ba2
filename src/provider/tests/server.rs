//! A scripted server that records its requests.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

type Answers = dyn Fn(&str) -> (u16, String) + Send + Sync;

pub(super) struct Server {
    port: u16,
    seen: Arc<Mutex<Vec<String>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Server {
    /// `answers` gets "METHOD PATH BODY" (with the `Authorization` header if there is no body) and returns status
    /// and JSON. Status 0 closes the connection without a reply.
    pub(super) async fn start(answers: impl Fn(&str) -> (u16, String) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self::on(listener, Arc::new(answers))
    }

    fn on(listener: TcpListener, answers: Arc<Answers>) -> Self {
        let port = listener.local_addr().unwrap().port();
        let seen = Arc::<Mutex<Vec<String>>>::default();
        let noted = Arc::clone(&seen);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                serve(stream, &noted, &*answers).await;
            }
        });
        Self { port, seen, task }
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// Every request so far.
    pub(super) fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(mut stream: TcpStream, seen: &Mutex<Vec<String>>, answers: &Answers) {
    let mut text = String::new();
    let mut buffer = [0; 4096];
    let (head, body) = loop {
        let read = stream.read(&mut buffer).await.unwrap_or(0);
        if read == 0 {
            return;
        }
        text.push_str(std::str::from_utf8(&buffer[..read]).unwrap());
        if let Some((head, body)) = text.split_once("\r\n\r\n")
            && body.len() >= header(head, "content-length").map_or(0, |length| length.parse().unwrap())
        {
            break (head.to_owned(), body.to_owned());
        }
    };
    let line: Vec<&str> = head.split(' ').collect();
    let said = if body.is_empty() { header(&head, "authorization").unwrap_or_default() } else { body };
    let request = format!("{} {} {said}", line[0], line[1]);
    let (status, json) = answers(&request);
    seen.lock().unwrap().push(request);
    if status != 0 {
        let length = json.len();
        let reply = format!(
            "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{json}"
        );
        let _ = stream.write_all(reply.as_bytes()).await;
    }
}

fn header(head: &str, name: &str) -> Option<String> {
    let found = head.lines().filter_map(|line| line.split_once(": ")).find(|(n, _)| n.eq_ignore_ascii_case(name));
    found.map(|(_, value)| value.to_owned())
}
