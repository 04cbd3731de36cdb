# sluice_module(NAME name SOURCES ... DEPENDS ...): one folder of operator/ as one static library.
#
# DEPENDS lists the folders that this one may include. Each folder publishes only the root of operator/ as an
# include path, so the compiler would find any header; what stops a wrong include is the link, and the check
# below, which reads the #include lines and refuses a folder that is not in the closure of DEPENDS.
function(sluice_module)
  cmake_parse_arguments(M "" "NAME" "SOURCES;DEPENDS;LINK" ${ARGN})
  add_library(sluice_${M_NAME} STATIC ${M_SOURCES})
  target_include_directories(sluice_${M_NAME} PUBLIC ${PROJECT_SOURCE_DIR}/operator)
  target_compile_features(sluice_${M_NAME} PUBLIC cxx_std_20)
  target_link_libraries(sluice_${M_NAME} PRIVATE sluice_warnings)
  foreach(dep IN LISTS M_DEPENDS)
    target_link_libraries(sluice_${M_NAME} PUBLIC sluice_${dep})
  endforeach()
  if(M_LINK)
    target_link_libraries(sluice_${M_NAME} PRIVATE ${M_LINK})
  endif()

  set(closure ${M_NAME})
  foreach(dep IN LISTS M_DEPENDS)
    get_property(below GLOBAL PROPERTY sluice_closure_${dep})
    list(APPEND closure ${dep} ${below})
  endforeach()
  list(REMOVE_DUPLICATES closure)
  set_property(GLOBAL PROPERTY sluice_closure_${M_NAME} "${closure}")
  get_property(all GLOBAL PROPERTY sluice_folders)
  foreach(source IN LISTS M_SOURCES)
    string(REGEX REPLACE "\\.cpp$" ".h" header ${source})
    foreach(file ${source} ${header})
      if(EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/${file})
        file(STRINGS ${CMAKE_CURRENT_SOURCE_DIR}/${file} lines REGEX "^#include \"")
        foreach(line IN LISTS lines)
          string(REGEX REPLACE "^#include \"([a-z]+)/.*" "\\1" folder "${line}")
          if(folder IN_LIST all AND NOT folder IN_LIST closure)
            message(FATAL_ERROR "operator/${M_NAME}/${file} includes ${folder}/, which it may not: "
              "see the graph of folders in docs/architecture.md")
          endif()
        endforeach()
      endif()
    endforeach()
  endforeach()
endfunction()
set_property(GLOBAL PROPERTY sluice_folders
  base http kube runtime stats metrics api loadtest traffic workload rollout forecast cli app)
