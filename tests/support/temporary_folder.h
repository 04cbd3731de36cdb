// A folder that goes away with its contents at the end of a test.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace sluice::test {

class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  std::string path(const std::string& name = "") const;
  // Writes (or replaces, in one step) a file and returns its path. Folders in the name are made.
  std::string write(const std::string& name, std::string_view contents) const;
  // The same for a program: readable and executable by the owner.
  std::string write_program(const std::string& name, std::string_view contents) const;

 private:
  std::filesystem::path root_;
};

}  // namespace sluice::test
