// SPDX-License-Identifier: MIT
//
// peer_tokio.rs: tokio (Debian's librust-tokio-dev) on one thread, the rows of combine.c and of
// thread.c: a job is a spawn_blocking, a coroutine handed over a task spawned by a thread that waits for
// it, a posted call an item of a channel without a limit that a task reads.
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, Mutex};
use tokio::task::JoinSet;

struct Scale {
    divide: u64,
    most: u64,
    rounds: u32,
}

/// The processor time of the process, in ns.
fn now() -> f64 {
    let mut t = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &mut t) };
    t.tv_sec as f64 * 1e9 + t.tv_nsec as f64
}

fn times(scale: &Scale, full: u64) -> u64 {
    (full / scale.divide).max(1)
}

fn report(row: &str, start: f64, count: u64) {
    println!("{} {:.3} ns", row, (now() - start) / count as f64);
}

async fn noop(value: u64) -> u64 {
    std::hint::black_box(value)
}

async fn gather(scale: &Scale, n: u64) {
    let count = (times(scale, 2000000) / n).max(1);
    for round in 0..=scale.rounds {
        let start = now();
        for _ in 0..count {
            let tasks: Vec<_> = (0..n).map(|k| tokio::spawn(noop(k))).collect();
            for task in tasks {
                task.await.unwrap();
            }
        }
        if round > 0 {
            report(&format!("gather.{n}"), start, count * n);
        }
    }
}

async fn group(scale: &Scale, n: u64) {
    let count = (times(scale, 2000000) / n).max(1);
    for round in 0..=scale.rounds {
        let start = now();
        for _ in 0..count {
            let mut set = JoinSet::new();
            for k in 0..n {
                set.spawn(noop(k));
            }
            while let Some(done) = set.join_next().await {
                done.unwrap();
            }
        }
        if round > 0 {
            report(&format!("group.{n}"), start, count * n);
        }
    }
}

async fn limits(scale: &Scale) {
    let count = times(scale, 2000000);
    for round in 0..=scale.rounds {
        let start = now();
        for i in 0..count {
            tokio::time::timeout(Duration::from_secs(10), noop(i)).await.unwrap();
        }
        if round > 0 {
            report("wait_for", start, count);
            report("timeout", start, count);
        }
    }
}

async fn queue(scale: &Scale) {
    let count = times(scale, 1000000);
    let (there, mut there_out) = mpsc::channel::<u64>(1);
    let (back, mut back_out) = mpsc::channel::<u64>(1);
    let echo = tokio::spawn(async move {
        while let Some(value) = there_out.recv().await {
            back.send(value).await.unwrap();
        }
    });
    for round in 0..=scale.rounds {
        let start = now();
        for i in 0..count {
            there.send(i).await.unwrap();
            back_out.recv().await.unwrap();
        }
        if round > 0 {
            report("queue", start, 2 * count);
        }
    }
    drop(there);
    echo.await.unwrap();
}

async fn lock_free(scale: &Scale) {
    let count = times(scale, 10000000);
    let lock = Mutex::new(0u64);
    for round in 0..=scale.rounds {
        let start = now();
        for _ in 0..count {
            *lock.lock().await += 1;
        }
        if round > 0 {
            report("lock", start, count);
        }
    }
}

async fn hand_over(lock: Arc<Mutex<u64>>, count: u64, rounds: u32, tell: bool) {
    let first = lock.lock().await;
    tokio::task::yield_now().await;
    drop(first);
    for round in 0..=rounds {
        let start = now();
        for _ in 0..count {
            *lock.lock().await += 1;
        }
        if tell && round > 0 {
            report("lock.handover", start, 2 * count);
        }
    }
}

async fn lock_handover(scale: &Scale) {
    let count = times(scale, 2000000);
    let lock = Arc::new(Mutex::new(0u64));
    let a = tokio::spawn(hand_over(lock.clone(), count, scale.rounds, true));
    let b = tokio::spawn(hand_over(lock, count, scale.rounds, false));
    a.await.unwrap();
    b.await.unwrap();
}

async fn sleep_once(delay: f64) -> f64 {
    let asked = Instant::now();
    tokio::time::sleep(Duration::from_secs_f64(delay)).await;
    asked.elapsed().as_secs_f64() - delay
}

async fn sleeps(scale: &Scale, full: u64) {
    let n = full.min(scale.most);
    let mut x: u32 = 123;
    let start = now();
    let mut tasks = Vec::with_capacity(n as usize);
    for _ in 0..n {
        x = x.wrapping_mul(1664525).wrapping_add(1013904223);
        tasks.push(tokio::spawn(sleep_once((x >> 8) as f64 / (1 << 24) as f64)));
    }
    let (mut late, mut latest) = (0.0, 0.0);
    for task in tasks {
        let one = task.await.unwrap();
        late += one;
        latest = f64::max(latest, one);
    }
    println!("sleeps.cpu.{} {:.3} s", n, (now() - start) / 1e9);
    println!("sleeps.late.{} {:.3} ms", n, late / n as f64 * 1e3);
    println!("sleeps.latest.{} {:.3} ms", n, latest * 1e3);
}

async fn jobs(scale: &Scale) {
    let count = times(scale, 100000);
    for round in 0..=scale.rounds {
        let start = now();
        for _ in 0..count {
            tokio::task::spawn_blocking(|| ()).await.unwrap();
        }
        if round > 0 {
            report("to_thread", start, count);
        }
    }
}

async fn handover(scale: Arc<Scale>) {
    let handle = tokio::runtime::Handle::current();
    let measure = move || {
        let count = times(&scale, 100000);
        for round in 0..=scale.rounds {
            let start = now();
            for _ in 0..count {
                let task = handle.spawn(noop(1));
                handle.block_on(task).unwrap();
            }
            if round > 0 {
                report("handover", start, count);
            }
        }
    };
    tokio::task::spawn_blocking(measure).await.unwrap();
}

async fn posts(scale: &Scale, threads: u64) {
    let count = times(scale, 1000000) / threads + 1;
    for round in 0..=scale.rounds {
        let start = now();
        let (sender, mut calls) = mpsc::unbounded_channel::<fn(&mut u64)>();
        let posters: Vec<_> = (0..threads)
            .map(|_| {
                let sender = sender.clone();
                std::thread::spawn(move || {
                    for _ in 0..count {
                        sender.send(|seen| *seen += 1).unwrap();
                    }
                })
            })
            .collect();
        let mut seen = 0;
        while seen < count * threads {
            calls.recv().await.unwrap()(&mut seen);
        }
        posters.into_iter().for_each(|p| p.join().unwrap());
        if round > 0 {
            report(&format!("post.{threads}"), start, count * threads);
        }
    }
}

const GROUPS: [&str; 15] = [
    "gather.1", "gather.10", "gather.1000", "group.10", "group.1000", "limits", "queue",
    "lock.free", "lock.handover", "sleeps.100000", "sleeps.1000000", "to_thread", "handover",
    "post.1", "post.4",
];

/// The rows are measured inside a task of their own, as those of the others.
async fn run(scale: Arc<Scale>, name: String) {
    match name.as_str() {
        "gather.1" => gather(&scale, 1).await,
        "gather.10" => gather(&scale, 10).await,
        "gather.1000" => gather(&scale, 1000).await,
        "group.10" => group(&scale, 10).await,
        "group.1000" => group(&scale, 1000).await,
        "limits" => limits(&scale).await,
        "queue" => queue(&scale).await,
        "lock.free" => lock_free(&scale).await,
        "lock.handover" => lock_handover(&scale).await,
        "sleeps.100000" => sleeps(&scale, 100000).await,
        "sleeps.1000000" => sleeps(&scale, 1000000).await,
        "to_thread" => jobs(&scale).await,
        "handover" => handover(scale).await,
        "post.1" => posts(&scale, 1).await,
        "post.4" => posts(&scale, 4).await,
        _ => {}
    }
}

fn main() {
    let mut scale = Scale { divide: 1, most: 1000000, rounds: 3 };
    let mut wanted: Vec<String> = Vec::new();
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--list" => return GROUPS.iter().for_each(|g| println!("{g}")),
            "--rounds" => scale.rounds = args.next().unwrap().parse().unwrap(),
            "--scale" => match args.next().unwrap().as_str() {
                "quick" => scale.divide = 10,
                "smoke" => scale = Scale { divide: 10000, most: 100, rounds: 1 },
                _ => {}
            },
            _ => wanted.push(arg),
        }
    }
    if wanted.is_empty() {
        wanted = GROUPS.iter().map(|g| g.to_string()).collect();
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let scale = Arc::new(scale);
    for name in wanted {
        let scale = scale.clone();
        runtime.block_on(async move { tokio::spawn(run(scale, name)).await.unwrap() });
    }
}
