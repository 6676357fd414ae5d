#include "textflag.h"

// 64 bytes into each of eight registers: from the n-th on, from the next one on, and so on.
#define LOAD(n, A, B, C, D, E, F, G, H) \
	VMOVDQU64 (n+0)(SI), A \
	VMOVDQU64 (n+1)(SI), B \
	VMOVDQU64 (n+2)(SI), C \
	VMOVDQU64 (n+3)(SI), D \
	VMOVDQU64 (n+4)(SI), E \
	VMOVDQU64 (n+5)(SI), F \
	VMOVDQU64 (n+6)(SI), G \
	VMOVDQU64 (n+7)(SI), H

// Z26 and Z27: the sums of Z0 to Z7 and of Z8 to Z15, each of which times its matrix
// of the octet o of the window.
#define SUMS(o) \
	VPBROADCASTQ (64*o)(DI), Z30        \
	VGF2P8AFFINEQB $0, Z30, Z0, Z26     \
	VGF2P8AFFINEQB $0, Z30, Z8, Z27     \
	ADD2(64*o+8, Z1, Z2, Z9, Z10)       \
	ADD2(64*o+24, Z3, Z4, Z11, Z12)     \
	ADD2(64*o+40, Z5, Z6, Z13, Z14)     \
	VPBROADCASTQ (64*o+56)(DI), Z30     \
	VGF2P8AFFINEQB $0, Z30, Z7, Z28     \
	VGF2P8AFFINEQB $0, Z30, Z15, Z29    \
	VPXORQ Z28, Z26, Z26                \
	VPXORQ Z29, Z27, Z27

#define ADD2(m, A, B, C, D) \
	VPBROADCASTQ (m+0)(DI), Z30         \
	VPBROADCASTQ (m+8)(DI), Z31         \
	VGF2P8AFFINEQB $0, Z30, A, Z28      \
	VGF2P8AFFINEQB $0, Z31, B, Z29      \
	VPTERNLOGQ $0x96, Z28, Z29, Z26     \
	VGF2P8AFFINEQB $0, Z30, C, Z28      \
	VGF2P8AFFINEQB $0, Z31, D, Z29      \
	VPTERNLOGQ $0x96, Z28, Z29, Z27

// What the octet o, but for the first, adds to two blocks of windows: its sums lie o
// octets behind them. Those of the block before are in last, which is set anew.
#define OCTET(o, last) \
	SUMS(o)                             \
	VALIGNQ $o, last, Z26, Z28          \
	VALIGNQ $o, Z26, Z27, Z29           \
	VPXORQ Z28, Z24, Z24                \
	VPXORQ Z29, Z25, Z25                \
	VMOVDQA64 Z27, last

// The same for a block before the first, of which only the sums count.
#define FIRST(o, last) \
	SUMS(o)                             \
	VMOVDQA64 Z26, last

// The next byte of a window in Z0: eight bytes, one of each octet, times their matrices.
#define NEXT(c) \
	VPSRLQ $(8*c), Z0, Z2               \
	VGF2P8AFFINEQB $0, (512+64*c)(DI), Z2, Z2 \
	VPXORQ Z2, Z1, Z1

// func likelyWindow(p *byte, n int, m *matrices) int
TEXT ·likelyWindow(SB), NOSPLIT, $0-32
	MOVQ p+0(FP), SI
	MOVQ n+8(FP), CX
	MOVQ m+16(FP), DI
	XORQ AX, AX

	LOAD(0, Z0, Z1, Z2, Z3, Z4, Z5, Z6, Z7)
	FIRST(0, Z16)
	FIRST(1, Z17)
	FIRST(2, Z18)
	FIRST(3, Z19)
	FIRST(4, Z20)
	FIRST(5, Z21)
	FIRST(6, Z22)
	FIRST(7, Z23)

group: // Z24 and Z25: the lowest byte of 128 fingerprints
	LOAD(64, Z0, Z1, Z2, Z3, Z4, Z5, Z6, Z7)
	LOAD(128, Z8, Z9, Z10, Z11, Z12, Z13, Z14, Z15)
	SUMS(0)
	VMOVDQA64 Z16, Z24
	VMOVDQA64 Z26, Z25
	VMOVDQA64 Z27, Z16
	OCTET(1, Z17)
	OCTET(2, Z18)
	OCTET(3, Z19)
	OCTET(4, Z20)
	OCTET(5, Z21)
	OCTET(6, Z22)
	OCTET(7, Z23)

	// R10 and R11: where it is zero
	VPTESTNMB Z24, Z24, K1
	VPTESTNMB Z25, Z25, K2
	KMOVQ K1, R10
	KMOVQ K2, R11
	LEAQ 128(SI), R14

hits:
	TESTQ R10, R10
	JZ    block
	BSFQ  R10, R12
	LEAQ  -1(R10), R13
	ANDQ  R13, R10
	VMOVDQU64 (SI)(R12*1), Z0
	VGF2P8AFFINEQB $0, 512(DI), Z0, Z1
	NEXT(1)
	NEXT(2)
	NEXT(3)
	NEXT(4)
	NEXT(5)
	NEXT(6)
	NEXT(7)
	VEXTRACTI64X4 $1, Z1, Y2
	VPXOR Y1, Y2, Y1
	VEXTRACTI128 $1, Y1, X2
	VPXOR X1, X2, X1
	VPSRLDQ $8, X1, X2
	VPXOR X1, X2, X1
	VMOVD X1, R13
	TESTB R13, R13
	JNZ   hits
	ADDQ  R12, AX
	JMP   done

block:
	ADDQ $64, SI
	ADDQ $64, AX
	MOVQ R11, R10
	XORQ R11, R11
	CMPQ SI, R14
	JNE  hits
	DECQ CX
	JNZ  group

done:
	VZEROUPPER
	MOVQ AX, ret+24(FP)
	RET
