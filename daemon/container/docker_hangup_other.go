//go:build !linux

package container

import "errors"

// hangUpProcess cannot be done: containers are not processes of this machine.
func hangUpProcess(int, string) error {
	return errors.New("its process is not one of this machine's")
}
