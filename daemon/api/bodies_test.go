package api

import (
	"strings"
	"testing"

	"github.com/heliosctl/heliosctl/model"
)

func TestBadBodiesTellWhere(t *testing.T) {
	tests := []struct {
		name string
		body string
		want string
	}{
		{"syntax", "{\n  \"seq\": 1,\n  oops\n}", "bad JSON at line 3, column 3: invalid character 'o' looking for beginning of object key string"},
		{"cut off", `{"agentId": "a"`, "bad JSON at line 1, column 15: unexpected end of JSON input"},
		{"wrong type of a field", `{"reports":[{"seq":"x"}]}`, "bad request body: the string in field reports.seq does not belong there"},
		{"wrong type of the whole", "\n[]", "bad request body: the array at line 2, column 1 does not belong there"},
		{"value without an end", `{"reports":[{"seq":` + strings.Repeat("9", 100_000) + `}]}`,
			"bad request body: the number " + strings.Repeat("9", 371) + " … " + strings.Repeat("9", 357) + " in field reports.seq does not belong there"},
		{"fault that a type finds itself", `{"job":"a"}`, "bad request body: fault found"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var batch struct {
				Reports []struct {
					Seq int `json:"seq"`
				} `json:"reports"`
				Job picky `json:"job"`
			}
			err := decode([]byte(test.body), &batch)
			if err == nil || err.Error() != test.want {
				t.Errorf("error %v, want %s", err, test.want)
			}
			if code := model.CodeOf(err); code != model.CodeInvalid {
				t.Errorf("code %s, want %s", code, model.CodeInvalid)
			}
		})
	}
}

// picky refuses everything, as the types of the model do with what they cannot read.
type picky struct{}

func (*picky) UnmarshalText([]byte) error {
	return model.Errorf(model.CodeInvalidID, "fault found")
}
