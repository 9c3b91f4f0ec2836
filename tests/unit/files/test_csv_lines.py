from fillmask.files.csv_lines import csv_writer


def test_lines_of_csv_are_those_of_the_newest_python():
    lines = []
    csv_writer(lines.append).writerows([["a\rb", "c\nd", 'e"', " f", None, 1.5, ""], [""], ["\r\n"], ["g,h", "\u2028"]])
    assert lines == ['"a\rb","c\nd","e""", f,,1.5,\n', '""\n', '"\r\n"\n', '"g,h",\u2028\n']
