//! The soak itself: sets up the stage, lets time pass, audits, and reports.

use std::{
    collections::VecDeque,
    path::Path,
    time::{Duration, Instant},
};

use fastrand::Rng;
use k8s_openapi::jiff::Timestamp;
use kube::Client;
use testbed::{
    control_plane::ControlPlane,
    program::{build_operator, target_dir},
    simulator::Simulator,
};

use super::{
    Args, Failure,
    audits::Audits,
    cast::{self, BATCH, Member},
    figures::Figures,
    operator::{LOST, Operator, Recipe},
    weather::{self, End, Spell},
};

const MANIFESTS: [&str; 2] = [
    include_str!("../../crds/clusterwatches.yaml"),
    include_str!("../../crds/remediations.yaml"),
];
/// From the start of an operator until it polls. A Lease that was not released must expire first.
const START: Duration = Duration::from_secs(60);
/// Good weather at the end, so that what is left over shows.
const LAST_CALM: Duration = Duration::from_secs(180);
/// How long the last operator runs before its figures count as usual.
const WARM: Duration = Duration::from_secs(300);
/// How long from then on its figures are what later ones are compared with: connections come and go with the work.
const YOUNG: Duration = Duration::from_secs(900);
/// Readings, one a minute, of which the least counts at the end.
const LATELY: usize = 5;
const MINUTE: Duration = Duration::from_secs(60);

/// Plays to the end.
pub(crate) async fn play(args: Args) -> Result<(), Failure> {
    let mut ended = std::pin::pin!(testbed::signal::ended());
    let program = match args.operator.clone() {
        Some(program) => program,
        None => build_operator(Some("soak")).await?,
    };
    let control_plane = tokio::select! {
        started = ControlPlane::start() => started?,
        signal = &mut ended => return Ok(signal?),
    };
    let mut soak = Soak::set(&args, &control_plane, &program).await?;
    let outcome = tokio::select! {
        outcome = soak.run() => outcome,
        signal = &mut ended => signal.map_err(Failure::from),
    };
    let reported = soak.report_end().await;
    drop(soak);
    control_plane.stop().await;
    outcome.and(reported)
}

/// When what is next. All from the seed.
struct Plan {
    look: Instant,
    /// The next spell, or the end of this one.
    weather: Instant,
    restart: Instant,
    batch: Instant,
    minute: Instant,
}

struct Soak {
    begun: Instant,
    /// From here on the operator is left alone, so that leaks show.
    alone: Instant,
    until: Instant,
    rng: Rng,
    client: Client,
    simulator: Simulator,
    members: Vec<Member>,
    recipe: Recipe,
    /// There but for the moments between two.
    operator: Option<Operator>,
    audits: Audits,
    plan: Plan,
    spell: Option<Spell>,
    next_end: End,
    /// Until when earlier trouble is still felt, on the simulator's clock.
    calm_from: Timestamp,
    /// When the operator last restarted.
    restarted: Option<Timestamp>,
    batches: u64,
    stopped: u64,
    killed: u64,
    /// Leases lost.
    lost: u64,
    /// The most of each while it was warm and young.
    warm: Option<Figures>,
    /// The last minutes' readings.
    lately: VecDeque<Figures>,
}

impl Soak {
    async fn set(
        args: &Args,
        control_plane: &ControlPlane,
        program: &Path,
    ) -> Result<Self, Failure> {
        let simulator = Simulator::start().await;
        for manifest in MANIFESTS {
            control_plane.apply(manifest).await?;
        }
        let members = cast::enter(control_plane, &simulator).await?;
        let account = control_plane.operator_account("together-system").await?;
        let log = match args.log.clone() {
            Some(log) => log,
            None => target_dir()?.join("soak-operator.log"),
        };
        // Each soak has a log of its own.
        let _ = std::fs::remove_file(&log);
        let recipe = Recipe {
            program: program.to_owned(),
            kubeconfig: account.kubeconfig().to_owned(),
            api: simulator.url(),
            log,
        };
        println!(
            "soak of {} h, seed {}, operator {}, its log {}",
            args.hours,
            args.seed,
            recipe.program.display(),
            recipe.log.display()
        );
        let operator = Operator::start(&recipe)?;
        simulator.set_clock(Timestamp::now());
        simulator.run_clock(1);
        let mut rng = Rng::with_seed(args.seed);
        let begun = Instant::now();
        let whole = Duration::from_secs_f64(args.hours * 3600.0);
        let (until_restart, next_end) = weather::end(&mut rng);
        Ok(Self {
            begun,
            alone: begun + whole / 2,
            until: begun + whole,
            client: control_plane.admin()?,
            calm_from: simulator.now() + START,
            plan: Plan {
                look: begun,
                weather: begun + START + weather::calm(&mut rng),
                restart: begun + START + until_restart,
                batch: begun,
                minute: begun + MINUTE,
            },
            rng,
            simulator,
            members,
            recipe,
            operator: Some(operator),
            audits: Audits::default(),
            spell: None,
            next_end,
            restarted: None,
            batches: 0,
            stopped: 0,
            killed: 0,
            lost: 0,
            warm: None,
            lately: VecDeque::new(),
        })
    }

    async fn run(&mut self) -> Result<(), Failure> {
        while Instant::now() < self.until {
            let plan = &self.plan;
            let times = [
                plan.look,
                plan.weather,
                plan.restart,
                plan.batch,
                plan.minute,
                self.until,
            ];
            let next = times.into_iter().min().unwrap_or(self.until);
            if let Some(operator) = &mut self.operator {
                let ended = tokio::select! {
                    exit = operator.ended() => Some(exit),
                    () = tokio::time::sleep_until(next.into()) => None,
                };
                match ended {
                    Some(exit) if exit.contains(LOST) => self.start_again()?,
                    Some(exit) => return Err(format!("the operator ended {exit}").into()),
                    None => {}
                }
            }
            let now = Instant::now();
            if now >= self.plan.batch {
                self.send();
            }
            if now >= self.plan.weather {
                self.change_weather(now);
            }
            if now >= self.plan.restart {
                self.restart(now).await?;
            }
            if now >= self.plan.minute {
                self.minute(now).await?;
            }
            if now >= self.plan.look {
                self.look(now).await?;
            }
        }
        Ok(())
    }

    fn send(&mut self) {
        for member in &self.members {
            self.batches += 1;
            member.send(&self.simulator, self.batches);
        }
        self.plan.batch += BATCH;
    }

    fn change_weather(&mut self, now: Instant) {
        let lasts = if let Some(spell) = self.spell.take() {
            self.simulator.clear_faults();
            self.disturbed(spell.wake);
            weather::calm(&mut self.rng)
        } else {
            let spell = weather::spell(&mut self.rng);
            if now + spell.lasts + LAST_CALM > self.until {
                self.plan.weather = self.until;
                return;
            }
            self.simulator.fault(spell.fault.clone(), spell.times);
            self.spell.insert(spell).lasts
        };
        self.plan.weather = now + lasts;
    }

    fn disturbed(&mut self, wake: Duration) {
        self.calm_from = self.calm_from.max(self.simulator.now() + wake);
    }

    async fn restart(&mut self, now: Instant) -> Result<(), Failure> {
        let Some(operator) = self.operator.take() else {
            return Ok(());
        };
        operator.end(self.next_end).await?;
        match self.next_end {
            End::Stop => self.stopped += 1,
            End::Kill => self.killed += 1,
        }
        self.start()?;
        let (lives, end) = weather::end(&mut self.rng);
        self.next_end = end;
        self.plan.restart = now + lives;
        if self.plan.restart > self.alone {
            self.plan.restart = self.until;
        }
        Ok(())
    }

    fn start(&mut self) -> Result<(), Failure> {
        self.operator = Some(Operator::start(&self.recipe)?);
        self.restarted = Some(self.simulator.now());
        self.lately.clear();
        self.disturbed(START);
        Ok(())
    }

    /// After it lost its Lease.
    fn start_again(&mut self) -> Result<(), Failure> {
        self.lost += 1;
        self.warm = None;
        self.alone = self.alone.max(Instant::now());
        self.start()
    }

    async fn look(&mut self, now: Instant) -> Result<(), Failure> {
        let calm = self.spell.is_none() && self.simulator.now() >= self.calm_from;
        let calm_since = calm.then_some(self.calm_from);
        let member = &self.members[self.rng.usize(..self.members.len())];
        self.audits
            .look(
                &self.client,
                &self.simulator,
                member,
                calm_since,
                self.restarted,
            )
            .await?;
        self.plan.look = now + Duration::from_millis(self.rng.u64(100..3000));
        Ok(())
    }

    async fn minute(&mut self, now: Instant) -> Result<(), Failure> {
        for member in &self.members {
            member.forget(&self.simulator);
        }
        self.plan.minute += MINUTE;
        let figures = self.figures().await?;
        if (self.alone + WARM..self.alone + WARM + YOUNG).contains(&now) {
            self.warm = Some(self.warm.map_or(figures, |warm| warm.most(figures)));
        }
        self.lately.push_back(figures);
        if self.lately.len() > LATELY {
            self.lately.pop_front();
        }
        let ready = self.audits.ready.values().filter(|ready| **ready).count();
        let mirrors: usize = self.audits.mirrors.values().sum();
        let fault = self
            .spell
            .as_ref()
            .map_or("none".to_owned(), |spell| spell.fault.name());
        println!(
            "{:>4} min  {} looks ({} in trouble), {} explained, {ready}/{} ready, {mirrors} mirrors, fault {fault}, {} calls, {} stops, {} kills, {} leases lost; {figures}",
            self.begun.elapsed().as_secs() / 60,
            self.audits.looks,
            self.audits.in_trouble,
            self.audits.explained,
            self.members.len(),
            self.simulator.counters().calls(),
            self.stopped,
            self.killed,
            self.lost,
        );
        Ok(())
    }

    async fn figures(&self) -> Result<Figures, Failure> {
        match &self.operator {
            Some(operator) => operator.figures().await,
            None => Err("there is no operator".into()),
        }
    }

    /// The figures at the end, and what leaked.
    async fn report_end(&self) -> Result<(), Failure> {
        let counters = self.simulator.counters();
        println!(
            "end after {} s: {} looks ({} in trouble), {} differences explained; {} stops, {} kills, {} leases lost",
            self.begun.elapsed().as_secs(),
            self.audits.looks,
            self.audits.in_trouble,
            self.audits.explained,
            self.stopped,
            self.killed,
            self.lost
        );
        println!(
            "calls of the API: {} lists in {} pages, {} by id, {} that would change something",
            counters.listings, counters.pages, counters.by_id, counters.mutations
        );
        println!("faults risen: {:?}", counters.by_fault);
        println!("answers: {:?}", counters.by_status);
        if counters.mutations > 0 {
            return Err("the operator asked the API to change something".into());
        }
        let end = self.figures().await?;
        let Some(warm) = self.warm else {
            println!("at the end: {end} (too short to detect leaks)");
            return Ok(());
        };
        let end = self.lately.iter().copied().fold(end, Figures::least);
        println!("when warm, at most:   {warm}");
        println!("at the end, at least: {end}");
        let leaks = warm.leaks(&end);
        if leaks.is_empty() {
            Ok(())
        } else {
            Err(format!("leaks: {}", leaks.join("; ")).into())
        }
    }
}
