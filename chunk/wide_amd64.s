#include "textflag.h"

// One byte of the window of each of 64 windows, and the next one, times its matrix:
// Z4 and Z5 hold the matrices, R9 the address of the byte, acc the sums.
#define TWO(off, acc, x, y) \
	VMOVDQU64 off(R9), x             \
	VMOVDQU64 (off+1)(R9), y         \
	VGF2P8AFFINEQB $0, Z4, x, x      \
	VGF2P8AFFINEQB $0, Z5, y, y      \
	VPTERNLOGQ $0x96, x, y, acc

// func likelyWindows(p *byte, n int, m *matrices) (at int, hits uint64)
TEXT ·likelyWindows(SB), NOSPLIT, $0-40
	MOVQ p+0(FP), SI
	MOVQ n+8(FP), CX
	MOVQ m+16(FP), DI
	XORQ AX, AX

group: // the lowest byte of 256 fingerprints
	VPXORQ Z0, Z0, Z0
	VPXORQ Z1, Z1, Z1
	VPXORQ Z2, Z2, Z2
	VPXORQ Z3, Z3, Z3
	MOVQ SI, R9
	MOVQ DI, R8
	MOVQ $32, DX

pair:
	VPBROADCASTQ (R8), Z4
	VPBROADCASTQ 8(R8), Z5
	TWO(0, Z0, Z6, Z7)
	TWO(64, Z1, Z8, Z9)
	TWO(128, Z2, Z10, Z11)
	TWO(192, Z3, Z12, Z13)
	ADDQ $16, R8
	ADDQ $2, R9
	DECQ DX
	JNZ  pair

	// R10 to R13: where it is zero
	VPTESTNMB Z0, Z0, K1
	VPTESTNMB Z1, Z1, K2
	VPTESTNMB Z2, Z2, K3
	VPTESTNMB Z3, Z3, K4
	KMOVQ K1, R10
	KMOVQ K2, R11
	KMOVQ K3, R12
	KMOVQ K4, R13
	MOVQ SI, R14

again: // the next byte of 64 fingerprints, where the lowest was zero
	TESTQ R10, R10
	JZ    next
	VPXORQ Z0, Z0, Z0
	VPXORQ Z1, Z1, Z1
	MOVQ SI, R9
	LEAQ 512(DI), R8
	MOVQ $16, DX

four:
	VPBROADCASTQ (R8), Z4
	VPBROADCASTQ 8(R8), Z5
	TWO(0, Z0, Z6, Z7)
	VPBROADCASTQ 16(R8), Z4
	VPBROADCASTQ 24(R8), Z5
	TWO(2, Z1, Z8, Z9)
	ADDQ $32, R8
	ADDQ $4, R9
	DECQ DX
	JNZ  four

	VPXORQ Z0, Z1, Z0
	VPTESTNMB Z0, Z0, K1
	KMOVQ K1, BX
	ANDQ BX, R10
	JNZ  done

next:
	ADDQ $64, SI
	ADDQ $64, AX
	MOVQ R11, R10
	MOVQ R12, R11
	MOVQ R13, R12
	XORQ R13, R13
	LEAQ 256(R14), BX
	CMPQ SI, BX
	JNE  again
	DECQ CX
	JNZ  group
	SUBQ $64, AX

done:
	VZEROUPPER
	MOVQ AX, at+24(FP)
	MOVQ R10, hits+32(FP)
	RET
