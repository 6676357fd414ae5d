package dispatch

import (
	"context"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	_ "time/tzdata"

	"github.com/qsnap/qsnap/repo/job/calendar"
	"github.com/qsnap/qsnap/repo/report"
)

// A month is a machine on which three profiles run every hour for thirty days, while all
// goes wrong that can: it sleeps, its clock is set, the service and the machine crash, runs
// fail and are slow, and cron runs one of the profiles, too.
type month struct {
	*testing.T
	seed  uint64
	began time.Time // of virtual time, which is what the kernel's monotonic clock would show
	jobs  []Job

	mu      sync.Mutex
	random  *rand.Rand // of the disturbances
	tries   map[string]int
	ahead   time.Duration // of the wall clock
	setBack bool          // the wall clock was set back at some time
	ids     int
	held    map[string]bool         // by profile: the lock of a run
	records map[string][]report.Run // by profile, in the order in which the runs ended
	saved   Saved
	powered context.Context // ends with a crash of the machine
	crash   context.CancelFunc
	serving *life // nil: no service

	seen     map[string]map[time.Time]int  // samples in which a slot was the newest and nothing was in its way
	onTime   map[string]map[time.Time]bool // false: something was in its way when it was due
	started  map[string]map[time.Time]time.Duration
	outages  int
	catchUps int
	needless []string // starts for slots that had a version
	runs     int
}

// A life is that of one service process.
type life struct {
	ctx  context.Context
	kill context.CancelFunc // as kill -9 would: nothing of it acts any more
	d    *Dispatcher
	stop context.CancelFunc
	done chan struct{}
}

const sampleEvery = 10 * time.Second

func newMonth(t *testing.T, seed uint64, begin time.Time) *month {
	m := &month{
		T: t, seed: seed, began: time.Now(), random: rand.New(rand.NewPCG(seed, 720)), ahead: time.Until(begin),
		tries: map[string]int{}, held: map[string]bool{}, records: map[string][]report.Run{},
		seen: map[string]map[time.Time]int{}, onTime: map[string]map[time.Time]bool{}, started: map[string]map[time.Time]time.Duration{},
	}
	m.powered, m.crash = context.WithCancel(context.Background())
	add := func(name string, s calendar.Schedule, err error) {
		if err != nil {
			t.Fatal(err)
		}
		m.jobs = append(m.jobs, Job{Profile: name, Schedule: s, Jitter: s.Jitter("host", name), Repository: name})
		m.seen[name], m.onTime[name], m.started[name] = map[time.Time]int{}, map[time.Time]bool{}, map[time.Time]time.Duration{}
	}
	zone := func(name string) *time.Location {
		z, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		return z
	}
	s, err := calendar.Every(time.Hour)
	add("every", s, err)
	s, err = calendar.Cron("0 * * * *", zone("Europe/Berlin"))
	add("berlin", s, err)
	s, err = calendar.Cron("20 * * * *", zone("Australia/Lord_Howe")) // changes by half an hour
	add("howe", s, err)
	return m
}

// wall returns the wall clock's time. The caller holds the lock.
func (m *month) wall() time.Time { return time.Now().Add(m.ahead).Round(0) }

func (m *month) now() time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.wall()
}

func between(random *rand.Rand, a, b time.Duration) time.Duration {
	return a + time.Duration(random.Int64N(int64(b-a)))
}

// fate returns the random source of one try of a run. It doesn't depend on what happens
// beside it, so that a seed repeats a month.
func (m *month) fate(r Request) *rand.Rand {
	m.tries[r.Profile]++
	h := fnv.New64a()
	fmt.Fprint(h, r.Profile, r.Slot.Unix(), m.tries[r.Profile])
	return rand.New(rand.NewPCG(m.seed, h.Sum64()))
}

// has is what history tells: a version for the slot that doesn't end in the future.
func (m *month) has(r Request) bool {
	return slices.ContainsFunc(m.records[r.Profile], func(run report.Run) bool {
		if r.byHand() {
			return run.ID == r.ID && run.Snapshot != nil
		}
		return run.Snapshot != nil && run.Slot.Equal(r.Slot) && !run.Ended.After(m.wall())
	})
}

// child is a process that makes a run: "run --scheduled" of a profile. It outlives the
// service that started it, but not the machine.
func (m *month) child(ctx context.Context, r Request) (report.Run, error) {
	m.mu.Lock()
	powered := m.powered
	run := report.Run{ID: r.ID, Profile: r.Profile, Trigger: r.Trigger, Slot: r.Slot, Started: m.wall()}
	if m.held[r.Profile] {
		m.mu.Unlock()
		run.Code = codeRunning
		return run, nil
	}
	if m.has(r) {
		m.mu.Unlock()
		run.Skipped = "the slot is done"
		return run, nil
	}
	m.held[r.Profile] = true
	m.runs++
	if r.Trigger == report.ByCatchUp {
		m.catchUps++
	}
	fate := m.fate(r)
	lasts := between(fate, 20*time.Second, 4*time.Minute)
	if fate.Float64() < 0.01 {
		lasts = between(fate, 30*time.Minute, 100*time.Minute)
	}
	fails, dies := fate.Float64() < 0.02, fate.Float64() < 0.01
	m.mu.Unlock()

	var interrupted error
	select {
	case <-time.After(lasts):
	case <-ctx.Done():
		interrupted = context.Cause(ctx)
	case <-powered.Done():
		interrupted = powered.Err()
	}

	m.mu.Lock()
	defer m.mu.Unlock()
	m.held[r.Profile] = false
	switch {
	case powered.Err() != nil, dies:
		return run, errDied
	case interrupted != nil:
		run.Code, run.Message = 130, interrupted.Error()
	case fails:
		run.Code = 5
	default:
		run.Snapshot = &report.RunTaken{Good: true}
	}
	run.Ended = m.wall()
	m.records[r.Profile] = append(m.records[r.Profile], run)
	return run, nil
}

// A process is what one service process has of the machine.
type process struct {
	m *month
	l *life
}

func (p process) Load() float64 { return 0 }

func (p process) Done(r Request) bool {
	p.m.mu.Lock()
	defer p.m.mu.Unlock()
	return p.m.has(r)
}

func (p process) Run(ctx context.Context, r Request) (report.Run, error) {
	p.m.noteStart(r)
	type result struct {
		run report.Run
		err error
	}
	ended := make(chan result, 1)
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(p.l.ctx, func() { cancel(nil) })
	defer stop()
	own, cancelOwn := context.WithCancelCause(context.Background())
	go func() {
		defer cancelOwn(nil)
		run, err := p.m.child(own, r)
		ended <- result{run, err}
	}()
	select {
	case got := <-ended:
		if got.run.Skipped != "" {
			p.m.noteNeedless(r)
		}
		return got.run, got.err
	case <-ctx.Done():
		if p.l.ctx.Err() != nil { // kill -9: the child goes on
			return report.Run{}, errDied
		}
		cancelOwn(context.Cause(ctx))
		got := <-ended
		return got.run, got.err
	}
}

func (m *month) noteStart(r Request) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if r.byHand() {
		return
	}
	if _, before := m.started[r.Profile][r.Slot.UTC()]; !before {
		m.started[r.Profile][r.Slot.UTC()] = m.wall().Sub(r.Due)
	}
}

func (m *month) noteNeedless(r Request) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.needless = append(m.needless, fmt.Sprintf("%s %s %v", r.Profile, r.Trigger, r.Slot))
}

// serve starts a service.
func (m *month) serve() {
	l := &life{done: make(chan struct{})}
	l.ctx, l.kill = context.WithCancel(context.Background())
	m.mu.Lock()
	saved := m.saved
	m.mu.Unlock()
	l.d = New(m.jobs, Options{
		Runner: process{m, l}, Now: m.now, Elapsed: func() time.Duration { return time.Since(m.began) }, Saved: saved,
		Random: func() float64 { return float64(time.Now().UnixNano()%1000) / 1000 },
		NewID: func() string {
			m.mu.Lock()
			defer m.mu.Unlock()
			m.ids++
			return strconv.Itoa(m.ids)
		},
		Save: func(s Saved) error {
			if l.ctx.Err() == nil {
				m.mu.Lock()
				defer m.mu.Unlock()
				m.saved = s
			}
			return nil
		},
	})
	var ctx context.Context
	ctx, l.stop = context.WithCancel(context.Background())
	go func() {
		l.d.Run(ctx)
		close(l.done)
	}()
	m.mu.Lock()
	m.serving = l
	m.mu.Unlock()
}

// end ends the service: by SIGTERM or, if it is killed, at once.
func (m *month) end(killed bool) {
	m.mu.Lock()
	l := m.serving
	m.serving = nil
	m.outages++
	m.mu.Unlock()
	if killed {
		l.kill()
	}
	l.stop()
	<-l.done
	l.kill()
}

// sample notes which slots are the newest while nothing is in their way.
func (m *month) sample() {
	m.mu.Lock()
	defer m.mu.Unlock()
	now, busy := m.wall(), 0
	for _, held := range m.held {
		if held {
			busy++
		}
	}
	for _, j := range m.jobs {
		slot, due := j.newest(now)
		slot = slot.UTC()
		free := m.serving != nil && !m.held[j.Profile] && busy < 2
		if free {
			m.seen[j.Profile][slot]++
		}
		_, started := m.started[j.Profile][slot]
		if _, noted := m.onTime[j.Profile][slot]; !noted {
			m.onTime[j.Profile][slot] = now.Sub(due) < sampleEvery && (started || free)
		} else if now.Sub(due) < late && !started && !free {
			m.onTime[j.Profile][slot] = false
		}
	}
}

// live lets days pass.
func (m *month) live(days int) {
	time.Sleep(3700 * time.Millisecond) // samples are taken between the times of other events
	m.serve()
	end := time.Now().Add(time.Duration(days) * 24 * time.Hour)
	event := time.Now().Add(between(m.random, 0, 12*time.Hour))
	cron := m.now()
	for time.Now().Before(end) {
		time.Sleep(sampleEvery)
		m.sample()
		if now := m.now(); now.Sub(cron) > 0 {
			if now.Truncate(time.Hour).After(cron) && now.Hour()%5 == 0 {
				go m.child(context.Background(), Request{ID: "cron", Profile: "every", Trigger: report.BySchedule, Slot: now.Truncate(time.Hour)})
			}
			cron = now
		} else if now.Before(cron.Add(-time.Minute)) {
			cron = now
		}
		if time.Now().After(event) {
			m.disturb()
			event = time.Now().Add(between(m.random, time.Minute, 16*time.Hour))
		}
	}
	m.end(false)
	m.crash()
	synctest.Wait()
}

// disturb lets something go wrong.
func (m *month) disturb() {
	set := func(d time.Duration) {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.ahead += d
		m.outages++
		m.setBack = m.setBack || d < 0
	}
	kind := m.random.IntN(10)
	switch kind {
	case 0, 1, 2: // the machine sleeps
		set(between(m.random, time.Minute, 9*time.Hour))
	case 3:
		set(between(m.random, -2*time.Hour, -time.Second))
	case 4:
		set(between(m.random, time.Second, 2*time.Hour))
	case 5:
		if m.random.Float64() < 0.3 {
			set(-24 * time.Hour)
		}
	case 6, 7, 8, 9:
		m.end(kind < 8)
		if kind == 6 { // the machine crashes
			m.mu.Lock()
			m.crash()
			m.powered, m.crash = context.WithCancel(context.Background())
			m.mu.Unlock()
		}
		down := between(m.random, time.Second, time.Minute)
		if m.random.Float64() < 0.3 {
			down = between(m.random, time.Minute, 5*time.Hour)
		}
		for range down / sampleEvery {
			time.Sleep(sampleEvery)
			m.sample()
		}
		m.serve()
	}
}

// enough is how long nothing must be in the way of a slot so that it must have a version:
// what four tries that fail take.
const enough = 20 * time.Minute

// judge checks that no slot was lost and none has two versions, and says how many runs were
// on time.
func (m *month) judge() {
	slots, missed, free, prompt, all := 0, 0, 0, 0, 0
	for _, j := range m.jobs {
		versions := map[time.Time][]report.Run{}
		for _, run := range m.records[j.Profile] {
			if run.Snapshot != nil {
				versions[run.Slot.UTC()] = append(versions[run.Slot.UTC()], run)
			}
		}
		for slot, runs := range versions {
			for i := 1; i < len(runs); i++ {
				if !runs[i-1].Ended.After(runs[i].Started) {
					m.Errorf("seed %d: %s: slot %v has two versions, of %v and %v", m.seed, j.Profile, slot, runs[i-1].Started, runs[i].Started)
				}
			}
		}
		for slot, samples := range m.seen[j.Profile] {
			slots++
			if len(versions[slot]) > 0 {
				continue
			}
			missed++
			if time.Duration(samples)*sampleEvery > enough {
				m.Errorf("seed %d: %s: slot %v has no version although nothing was in its way for %v", m.seed, j.Profile, slot, time.Duration(samples)*sampleEvery)
			}
		}
		for slot, promptly := range m.onTime[j.Profile] {
			all++
			after, started := m.started[j.Profile][slot]
			tardy := !started || after > late
			if !tardy {
				prompt++
			}
			if promptly {
				free++
				if tardy && !m.byCron(j.Profile, slot) {
					m.Errorf("seed %d: %s: slot %v started %v after it was due, although nothing was in its way", m.seed, j.Profile, slot, after)
				}
			}
		}
	}
	if m.catchUps > 3*(m.outages+1) {
		m.Errorf("seed %d: %d runs caught up %d outages", m.seed, m.catchUps, m.outages)
	}
	for _, n := range m.needless {
		if !strings.HasPrefix(n, "every ") {
			m.Errorf("seed %d: started although the slot was done: %s", m.seed, n)
		}
	}
	m.Logf("seed %d: %d slots while the machine was awake, %d of them without a version because it was stopped or busy; %d runs, %d outages, %d catch-ups; on time: %.2f%% of all slots, all %d of those that nothing was in the way of",
		m.seed, slots, missed, m.runs, m.outages, m.catchUps, 100*float64(prompt)/float64(all), free)
}

func (m *month) byCron(profile string, slot time.Time) bool {
	return profile == "every" && slices.ContainsFunc(m.records[profile], func(r report.Run) bool { return r.ID == "cron" && r.Slot.Equal(slot) })
}

// Of 720 hourly runs of three profiles none is lost and none is doubled, whatever happens to
// the machine. Both months have a change to or from daylight-saving time in both zones.
func TestAMonthLosesAndDoublesNoRun(t *testing.T) {
	seeds := []uint64{1}
	if text := os.Getenv("QSNAP_MONTH_SEED"); text != "" {
		seed, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		seeds = []uint64{seed}
	} else if text := os.Getenv("QSNAP_MONTH_RUNS"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			t.Fatal(err)
		}
		seeds = nil
		for i := range n {
			seeds = append(seeds, uint64(i)+1000)
		}
	}
	for _, begin := range []time.Time{
		time.Date(2027, 3, 12, 9, 17, 0, 0, time.UTC), // Berlin on 28 March, Lord Howe on 4 April
		time.Date(2027, 10, 3, 0, 0, 0, 0, time.UTC),  // Lord Howe on 3 October, Berlin on 31 October
	} {
		for _, seed := range seeds {
			t.Run(fmt.Sprintf("%s%d", begin.Month(), seed), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					m := newMonth(t, seed, begin)
					m.live(30)
					m.judge()
				})
			})
		}
	}
}
