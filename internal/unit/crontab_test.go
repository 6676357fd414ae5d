package unit

import (
	"slices"
	"strings"
	"testing"
)

const others = "MAILTO=ops\n# BEGIN qsnap profile other\n1 * * * * x\n# END qsnap profile other\n5 4 * * * report"

func TestABlockOfACrontabLeavesAllOtherLines(t *testing.T) {
	block, err := job(t, "cron 0 * * * * Europe/Berlin").Crontab()
	if err != nil {
		t.Fatal(err)
	}
	with, err := InCrontab(others, "app", block)
	if err != nil || with != others+"\n"+block {
		t.Errorf("%q, %v", with, err)
	}
	again, err := InCrontab("# first\n"+with+"# last\n", "app", strings.Replace(block, "0 * *", "7 * *", 1))
	if want := "# first\n" + others + "\n" + strings.Replace(block, "0 * *", "7 * *", 1) + "# last\n"; err != nil || again != want {
		t.Errorf("%q, %v; want %q", again, err, want)
	}
	rest, cut, err := OutOfCrontab(with, "app")
	if err != nil || rest != others+"\n" || cut != block {
		t.Errorf("%q and %q, %v", rest, cut, err)
	}
	if got := CrontabProfiles(with); !slices.Equal(got, []string{"other", "app"}) {
		t.Errorf("profiles %q", got)
	}
	if rest, cut, err := OutOfCrontab(with, "ap"); rest != with || cut != "" || err != nil {
		t.Errorf("a profile without a block: %q, %q, %v", rest, cut, err)
	}
}

func TestABlockWithoutItsEndIsLeftAlone(t *testing.T) {
	for _, text := range []string{
		"# BEGIN qsnap profile app\n0 * * * * x\n",
		"# BEGIN qsnap profile app\n0 * * * * x\n# BEGIN qsnap profile b\n# END qsnap profile b\n# END qsnap profile app\n",
	} {
		if with, err := InCrontab(text, "app", "x\n"); err == nil || with != "" || !strings.Contains(err.Error(), "repair it with crontab -e") {
			t.Errorf("%q, %v", with, err)
		}
	}
}

func FuzzCrontab(f *testing.F) {
	f.Add(others, "app")
	f.Add("# BEGIN qsnap profile app\n# END qsnap profile app\n", "app")
	f.Add("# BEGIN qsnap profile a\r\n", "a")
	f.Fuzz(func(t *testing.T, crontab, profile string) {
		if strings.ContainsAny(profile, "\n\r\x00") {
			return
		}
		block := beginBlock + profile + "\n* * * * * x\n" + endBlock + profile + "\n"
		bare, _, err := OutOfCrontab(crontab, profile)
		if err != nil {
			return
		}
		if _, more, err := OutOfCrontab(bare, profile); err != nil || more != "" {
			return // it has several
		}
		with, err := InCrontab(bare, profile, block)
		if err != nil {
			t.Fatal(err)
		}
		rest, cut, err := OutOfCrontab(with, profile)
		if err != nil || cut != block || strings.TrimSuffix(rest, "\n") != strings.TrimSuffix(bare, "\n") {
			t.Fatalf("%q becomes %q, and then %q and %q: %v", bare, with, rest, cut, err)
		}
	})
}
