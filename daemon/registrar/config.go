package registrar

import (
	"strings"

	"github.com/heliosctl/heliosctl/model"
)

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// invalid makes one error of everything wrong with a configuration, nil of nothing.
func invalid(what string, faults []string) error {
	if len(faults) == 0 {
		return nil
	}
	return &model.Error{Code: model.CodeInvalid, Message: what + ": " + strings.Join(faults, "; "), Details: faults}
}
