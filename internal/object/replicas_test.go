package object_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/internal/seal"
	"github.com/qsnap/qsnap/target"
	"github.com/qsnap/qsnap/target/targettest"
)

// replica returns a replica that can be opened.
func replica(name string, t target.Target) object.Replica {
	return object.Replica{Name: name, Open: func(context.Context) (target.Target, error) { return t, nil }}
}

func TestADamagedObjectIsReadFromAReplicaAndThatIsSaid(t *testing.T) {
	here, broken, whole := &targettest.Memory{}, &targettest.Memory{}, &targettest.Memory{}
	s := object.On(here, object.Options{Replicas: []object.Replica{
		{Name: "away", Open: func(context.Context) (target.Target, error) { return nil, errors.New("away") }},
		replica("broken", broken), replica("whole", whole),
	}})
	var names []string
	for _, b := range []string{"one", "two", "sound"} {
		name, id := put(t, s, object.Deltas, []byte(b))
		put(t, object.On(whole, object.Options{}), object.Deltas, []byte(b))
		broken.Set(name, []byte("xxx"))
		if b != "sound" {
			here.Set(name, []byte("damaged"))
			names = append(names, name)
		}
		if got, err := s.Read(t.Context(), name, id, 99); err != nil || string(got) != b {
			t.Errorf("%s: %q, %v", b, got, err)
		}
	}
	slices.Sort(names)
	if got := s.Served(); !slices.Equal(got, names) {
		t.Errorf("served by a replica are %q, want %q", got, names)
	}
}

func TestAnAbsentObjectIsAbsentWhateverReplicasHave(t *testing.T) {
	here, copied := &targettest.Memory{}, &targettest.Memory{}
	s := object.On(here, object.Options{Replicas: []object.Replica{replica("b", copied)}})
	name, id := put(t, object.On(copied, object.Options{}), object.Deltas, []byte("bytes"))
	if b, err := s.Read(t.Context(), name, id, 9); err == nil || len(s.Served()) > 0 {
		t.Errorf("%q is read, %v", b, s.Served())
	}
}

func TestWhereNoReplicaHelpsTheFirstErrorIsReturned(t *testing.T) {
	here := &object.DamageError{Object: "index/a", Err: object.ErrHash}
	s := object.On(&targettest.Memory{}, object.Options{Replicas: []object.Replica{replica("b", &targettest.Memory{})}})
	if b, err := s.ReadFromReplicas(t.Context(), "index/a", [32]byte{}, 9, here); err != here || b != nil {
		t.Errorf("%q, %v", b, err)
	}
	asked := false
	err := s.TryReplicas(t.Context(), "index/a", seal.ErrNoKey, func(*object.Store) error { asked = true; return nil })
	if asked || err != seal.ErrNoKey {
		t.Errorf("a key is missing, and a replica is asked: %v, %v", asked, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err = s.TryReplicas(ctx, "index/a", here, func(*object.Store) error { asked = true; return nil })
	if asked || err != here {
		t.Errorf("the read was cancelled, and a replica is asked: %v, %v", asked, err)
	}
}

func TestAReplicaIsOpenedOnceAndWhenItIsNeeded(t *testing.T) {
	opened := map[string]int{}
	open := func(name string, err error) object.Replica {
		return object.Replica{Name: name, Open: func(context.Context) (target.Target, error) {
			opened[name]++
			return &targettest.Memory{}, err
		}}
	}
	s := object.On(&targettest.Memory{}, object.Options{Replicas: []object.Replica{open("good", nil), open("bad", errors.New("bad"))}})
	if len(opened) > 0 {
		t.Errorf("before anything was read, %v", opened)
	}
	for range 3 {
		_ = s.TryReplicas(t.Context(), "index/a", object.ErrHash, func(*object.Store) error { return object.ErrHash })
	}
	if opened["good"] != 1 || opened["bad"] != 1 {
		t.Errorf("opened are %v", opened)
	}
}

func TestAReplicaThatWasNotWaitedForIsOpenedAgain(t *testing.T) {
	opened := 0
	ctx, cancel := context.WithCancel(t.Context())
	s := object.On(&targettest.Memory{}, object.Options{Replicas: []object.Replica{{Name: "slow", Open: func(ctx context.Context) (target.Target, error) {
		if opened++; opened == 1 {
			cancel()
		}
		return &targettest.Memory{}, ctx.Err()
	}}}})
	read := func(*object.Store) error { return nil }
	if err := s.TryReplicas(ctx, "index/a", object.ErrHash, read); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if err := s.TryReplicas(t.Context(), "index/a", object.ErrHash, read); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

func TestTheLongestCopyIsFound(t *testing.T) {
	short, long := &targettest.Memory{}, &targettest.Memory{}
	short.Set("packs/a", []byte("1234"))
	long.Set("packs/a", []byte("12345678"))
	away := object.Replica{Name: "away", Open: func(context.Context) (target.Target, error) { return nil, errors.New("away") }}
	s := object.On(&targettest.Memory{}, object.Options{Replicas: []object.Replica{away, replica("long", long), replica("short", short), replica("none", &targettest.Memory{})}})
	if size, on, err := s.LongestCopy(t.Context(), "packs/a"); size != 8 || on != "long" || err != nil {
		t.Errorf("%d bytes on %q, %v", size, on, err)
	}
	if size, on, err := s.LongestCopy(t.Context(), "packs/b"); size != 0 || on != "" || err != nil {
		t.Errorf("of none, %d bytes on %q, %v", size, on, err)
	}
}
