package report_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"log"
	"strings"

	"github.com/qsnap/qsnap/repo/report"
)

// A program reads what "qsnap --json restore" prints: line by line, by message_type.
func Example() {
	output := strings.NewReader(`{"message_type":"status","seconds_elapsed":2,"files_restored":10,"bytes_restored":2048,"total_files":40,"total_bytes":8192,"percent_done":0.25}
{"message_type":"error","error":{"message":"permission denied"},"during":"restore","item":"etc/shadow"}
{"message_type":"summary","total_files":40,"total_bytes":8192,"files_restored":39,"errors":1}
`)
	for lines := bufio.NewScanner(output); lines.Scan(); {
		var head report.Head
		if err := json.Unmarshal(lines.Bytes(), &head); err != nil {
			log.Fatal(err)
		}
		switch head.MessageType {
		case "status":
			var s report.RestoreStatus
			if err := json.Unmarshal(lines.Bytes(), &s); err != nil {
				log.Fatal(err)
			}
			if s.Total != nil { // it is known how much there is to do
				fmt.Printf("%.0f %%\n", 100*s.Percent)
			}
		case "error":
			var e report.Error
			if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
				log.Fatal(err)
			}
			fmt.Printf("%s: %s\n", e.Item, e.Error.Message)
		case "summary":
			var s report.RestoreSummary
			if err := json.Unmarshal(lines.Bytes(), &s); err != nil {
				log.Fatal(err)
			}
			fmt.Printf("%d of %d restored\n", s.FilesRestored, s.TotalFiles)
		}
	}
	// Output:
	// 25 %
	// etc/shadow: permission denied
	// 39 of 40 restored
}
