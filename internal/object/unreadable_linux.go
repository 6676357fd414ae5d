package object

import "syscall"

var unreadableErrors = []error{syscall.EUCLEAN, syscall.EBADMSG, syscall.ENODATA, syscall.EREMOTEIO, syscall.EILSEQ}
