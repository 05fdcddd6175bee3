# Writes OUTPUT: a C++ table of the JSON documents in DOCUMENTS, keyed by "folder/name".

set(table "")
foreach(document IN LISTS DOCUMENTS)
  get_filename_component(name ${document} NAME_WE)
  get_filename_component(folder ${document} DIRECTORY)
  get_filename_component(folder ${folder} NAME)
  file(READ ${document} text)
  string(APPEND table "    {\"${folder}/${name}\", R\"posekit_json(${text})posekit_json\"},\n")
endforeach()
file(WRITE ${OUTPUT} "// Made by cmake/EmbedDocuments.cmake.
#include \"base/embedded_documents.h\"

namespace posekit::inline v0 {
namespace {

constexpr EmbeddedDocument documents[] = {
${table}};

}  // namespace

std::span<const EmbeddedDocument> embedded_documents() noexcept { return documents; }

}  // namespace posekit::inline v0
")
