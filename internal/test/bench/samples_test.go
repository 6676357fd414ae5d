package main

import (
	"maps"
	"strings"
	"testing"
)

const script = `
	ffffffff81b6ac04 _copy_to_iter ([kernel.kallsyms])
	ffffffff815d4e2a filemap_read ([kernel.kallsyms])
	ffffffff816b8aab vfs_read ([kernel.kallsyms])
	ffffffff816b9706 ksys_read ([kernel.kallsyms])
	ffffffff821ed511 do_syscall_64 ([kernel.kallsyms])
	          4d00e internal/runtime/syscall/linux.Syscall6 (/tmp/a b (1)/qsnap)

	ffffffff815ec9d0 handle_mm_fault ([kernel.kallsyms])
	ffffffff821f3046 exc_page_fault ([kernel.kallsyms])
	ffffffff81000c82 asm_exc_page_fault ([kernel.kallsyms])
	ffffffff81b6ac04 copy_folio_from_iter_atomic ([kernel.kallsyms])
	ffffffff816b9706 __x64_sys_pwrite64 ([kernel.kallsyms])
	          4d00e syscall.Syscall6.abi0 (/usr/bin/qsnap)

	ffffffff815ec9d0 clear_page_erms ([kernel.kallsyms])
	ffffffff81000c82 asm_exc_page_fault ([kernel.kallsyms])
	          915eb golang.org/x/crypto/argon2.initBlocks (/usr/bin/qsnap)

	ffff800080f3c1d4 strncpy_from_user ([kernel.kallsyms])
	ffff8000801a2e10 __arm64_sys_readlinkat ([kernel.kallsyms])

	ffffffff81000c82 sync_regs ([kernel.kallsyms])
	ffffffff81000c82 asm_sysvec_apic_timer_interrupt ([kernel.kallsyms])

	          915eb runtime.memmove (/usr/bin/qsnap)
	          a15eb github.com/klauspost/compress/zstd.(*fastBase).addBlock (/usr/bin/qsnap)
	          b15eb github.com/qsnap/qsnap/pack.(*Builder).Add (/usr/bin/qsnap)

	          915eb runtime.mallocgc (/usr/bin/qsnap)
	          b15eb github.com/qsnap/qsnap/index.(*Writer).Add (/usr/bin/qsnap)

	          915eb cmpbody (/usr/bin/qsnap)
	          a15eb go.etcd.io/bbolt.(*Cursor).seek (/usr/bin/qsnap)
	          b15eb github.com/qsnap/qsnap/repo.(*Repo).Snapshot (/usr/bin/qsnap)

	          915eb github.com/qsnap/qsnap/chunk.(*Cutter).scanBlock (/usr/bin/qsnap)

	          915eb crypto/internal/fips140/aes/gcm.gcmAesEnc.abi0 (/usr/bin/qsnap)

	          915eb golang.org/x/crypto/argon2.blamkaSSE4.abi0 (/usr/bin/qsnap)

	          915eb github.com/zeebo/blake3/internal/alg/hash/hash_avx2.HashF.abi0 (/usr/bin/qsnap)

	          915eb sort.insertionSort (/usr/bin/qsnap)
	          a15eb github.com/qsnap/qsnap/internal/capture.(*scanner).list (/usr/bin/qsnap)
	          b15eb github.com/qsnap/qsnap/index.each (/usr/bin/qsnap)

	7ffc915eb [unknown] ([vdso])
`

func TestSamplesBelongToWhatTheyWereTakenIn(t *testing.T) {
	got, err := readSamples(strings.NewReader(script))
	if err != nil {
		t.Fatal(err)
	}
	want := samples{
		reading: 1, writing: 1, paging: 1, naming: 1, kernelRest: 1,
		compression: 1, goRuntime: 1, indexing: 1, cutting: 1, sealing: 1, password: 1, hashing: 1, rest: 2,
	}
	if !maps.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

func TestWhatIsNoStackIsAnError(t *testing.T) {
	for _, line := range []string{"qsnap 1234 [001] cpu-clock:", "915eb"} {
		if got, err := readSamples(strings.NewReader(line)); err == nil {
			t.Errorf("%q: read as %v", line, got)
		}
	}
}
